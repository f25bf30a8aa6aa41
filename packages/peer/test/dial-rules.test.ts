import { describe, expect, it } from "vitest";
import { mayBeDialled } from "../src/indirect/dial-rules.ts";
import { endpoint } from "./support/samples.ts";

const mayDial = (dest: string, ...ours: string[]) => mayBeDialled(endpoint(dest), ours.map(endpoint));

describe("a leader may be made to dial", () => {
  it.each(["198.18.2.9:51413", "198.18.2.9:1024", "198.18.2.9:65535", "[2001:db8::9]:6881", "10.0.0.7:6881"])(
    "%s",
    (dest) => {
      expect(mayDial(dest, "198.18.1.2:6881")).toBe(true);
    },
  );

  it("another port of its own address", () => {
    expect(mayDial("198.18.1.2:6882", "198.18.1.2:6881")).toBe(true);
  });

  it.each([
    ["loopback", "127.0.0.5:6881", "127.1.0.1:6881"],
    ["loopback", "[::1]:6881", "[::1]:7000"],
    ["link-local", "169.254.7.7:6881", "169.254.1.1:6881"],
    ["link-local", "[fe80::7]:6881", "[fe80::1]:6881"],
    ["multicast", "239.1.1.1:6881", "239.0.0.1:6881"],
  ])("a %s address, %s, only where it listens on one itself", (_, dest, ours) => {
    expect(mayDial(dest, ours)).toBe(true);
    expect(mayDial(dest, "198.18.1.2:6881", ours)).toBe(true);
    expect(mayDial(dest, "198.18.1.2:6881")).toBe(false);
    expect(mayDial(dest, "0.0.0.0:6881")).toBe(false);
    expect(mayDial(dest, "[::]:6881")).toBe(false);
  });
});

describe("a leader can never be made to dial", () => {
  it.each([
    ["a port that belongs to somebody's services", "198.18.2.9:1023"],
    ["a mail server", "198.18.2.9:25"],
    ["every address of its own machine", "0.0.0.0:6881"],
    ["every address of its own machine by IPv6", "[::]:6881"],
    ["itself", "198.18.1.2:6881"],
    ["itself inside its site", "10.0.0.2:6881"],
    ["a multicast address by IPv6", "[ff02::1]:6881"],
  ])("%s", (_, dest) => {
    expect(mayDial(dest, "198.18.1.2:6881", "10.0.0.2:6881")).toBe(false);
  });
});
