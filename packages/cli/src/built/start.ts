import { join } from "node:path";
import { BuiltProgram } from "./built-program.ts";
import { KeptCode, userId } from "./kept-code.ts";

/** Who has worked for so long may have compiled more than who only said what it can do. */
const WORN_CPU_MICROSECONDS = 300_000;

const { NODE_COMPILE_CACHE: cache, NODE_DISABLE_COMPILE_CACHE: none } = process.env;
const kept = cache && none !== "1" ? new KeptCode(join(cache, `built-${userId()}`)) : undefined;
const program = new BuiltProgram(import.meta.dirname, kept);
if (kept) process.on("exit", () => program.keep(process.cpuUsage().user > WORN_CPU_MICROSECONDS));
program.load("main.cjs");
