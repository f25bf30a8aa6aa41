import { seededRandom } from "@cachetorrent/clock";
import { MemorySwarmStore } from "@cachetorrent/tracker";
import { swarmStoreContract } from "./swarm-store-contract.ts";

swarmStoreContract(() => new MemorySwarmStore(seededRandom(1)));
