import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { withOrdinaryMembers } from "../../../../scripts/lib/private-members.ts";

it("private members become ordinary ones, and the program does the same", () => {
  const code = `class Account {
    static #count = 0;
    #held = 1;
    constructor() { Account.#count++; }
    get #twice() { return 2 * this.#held; }
    #add(n) { this.#held += n; return this; }
    told(other) { return [this.#add(3).#twice, other?.#held, Account.#count, "#held", /#held/.source]; }
  }
  const one = new Account();
  [one.told(new Account()), Object.keys(one)]`;
  const ordinary = withOrdinaryMembers(code);
  expect(runInNewContext(code)).toEqual([[8, 1, 2, "#held", "#held"], []]);
  expect(runInNewContext(ordinary)).toEqual([[8, 1, 2, "#held", "#held"], ["µheld"]]);
  // Else a source map would name other places.
  expect(ordinary.length).toBe(code.length);
});

it("each class has its own, within another one, too", () => {
  const code = `class Outer {
    #a = 1;
    inner() {
      const outer = this;
      return new (class { #a = 2; #b = 3; both() { return [this.#a, this.#b, outer.mine()]; } })();
    }
    mine() { return this.#a; }
  }
  new Outer().inner().both()`;
  expect(runInNewContext(withOrdinaryMembers(code))).toEqual([2, 3, 1]);
  expect(withOrdinaryMembers(code)).not.toContain("#");
});

it.each([
  [
    "extends another, which has the same names",
    `class Base { #a = 1; base() { return this.#a; } }
    class Derived extends Base { #a = 2; derived() { return this.#a; } }
    const one = new Derived();
    [one.base(), one.derived()]`,
    [1, 2],
  ],
  [
    "asks whether an object has them",
    `class Branded { #a = 1; static is(one) { return #a in one; } }
    [Branded.is(new Branded()), Branded.is({ a: 1 })].map(Number)`,
    [1, 0],
  ],
])("a class keeps its own that %s", (_, code, result) => {
  expect(runInNewContext(withOrdinaryMembers(code))).toEqual(result);
});

it("a program that has such names already is refused", () => {
  expect(() => withOrdinaryMembers("class A { #b = 1 }; const µb = 2;")).toThrow("the name µb begins with µ");
});
