import { parseAst } from "rolldown/parseAst";

/** A node of the syntax tree, of whatever kind. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

/** A class, and what of its private members is used where. */
interface Scope {
  readonly names: ReadonlySet<string>;
  /** Whose members stay as they are. */
  isKept: boolean;
}

/** No name of the program begins with it, which is made sure of. In one byte of Latin-1, so that V8 keeps the source so. */
const MARK = "µ";

/**
 * The same program with private members as ordinary ones of another name, `#name` as `µname`: until a function is optimised V8 looks up a private member through
 * a list of names and an ordinary one at once, and a download is over before much is optimised. One seed and eight leechers take 3 to 4 % less of the processor so.
 * That nobody else uses them the sources have made sure of. A class that extends another keeps its own, for both may have the same names; so does one that asks
 * whether an object has them. Nothing moves: source maps hold.
 */
export function withOrdinaryMembers(code: string): string {
  const found: { readonly at: number; readonly scope: Scope }[] = [];
  const visit = (value: unknown, scopes: readonly Scope[]): void => {
    if (Array.isArray(value)) for (const one of value) visit(one, scopes);
    else if (isNode(value)) visitNode(value, scopes);
  };
  const visitNode = (node: Node, scopes: readonly Scope[]): void => {
    if (node.type === "Identifier" && String(node.name).startsWith(MARK))
      throw new Error(`the name ${node.name} begins with ${MARK}`);
    if (node.type === "PrivateIdentifier") {
      const scope = scopes.findLast(({ names }) => names.has(String(node.name)));
      if (scope) found.push({ at: node.start, scope });
      return;
    }
    if (node.type === "BinaryExpression" && isNode(node.left) && node.left.type === "PrivateIdentifier") {
      const { name } = node.left;
      const scope = scopes.findLast(({ names }) => names.has(String(name)));
      if (scope) scope.isKept = true;
    }
    for (const [key, child] of Object.entries(node)) {
      if (key === "body" && isClass(node)) visitClassBody(node, scopes);
      else visit(child, scopes);
    }
  };
  const visitClassBody = ({ body, superClass }: Node, scopes: readonly Scope[]): void => {
    const scope = scopeOf(body as Node, superClass !== null);
    visit((body as Node).body, [...scopes, scope]);
  };
  visit(parseAst(code), []);
  const parts: string[] = [];
  let end = 0;
  for (const { at, scope } of found.toSorted((one, other) => one.at - other.at)) {
    if (scope.isKept) continue;
    parts.push(code.slice(end, at), MARK);
    end = at + 1;
  }
  return parts.join("") + code.slice(end);
}

function scopeOf({ body }: Node, isKept: boolean): Scope {
  const keys = (body as readonly { readonly key?: Node }[]).map(({ key }) => key);
  const names = keys.flatMap((key) => (key?.type === "PrivateIdentifier" ? [String(key.name)] : []));
  return { names: new Set(names), isKept };
}

function isClass({ type }: Node): boolean {
  return type === "ClassDeclaration" || type === "ClassExpression";
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}
