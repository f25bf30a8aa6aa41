/** Markup that may stand in a page as it is. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Markup | readonly Part[];

/** A page's markup: every text put into it is escaped, for elements and for quoted attributes; `Markup` is not. */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(literals.map((literal, i) => literal + textOf(parts[i] ?? "")).join(""));
}

/** JSON inside a `script` element: nothing in it ends the element or opens a comment. */
export function scriptJson(value: unknown): Markup {
  return new Markup(JSON.stringify(value).replaceAll("<", "\\u003c"));
}

/** A script of our own or a library's, inside a `script` element. The browser would end the element within a string, too. */
export function script(source: string): Markup {
  return new Markup(source.replace(/<(?=\/script|!--)/gi, "\\x3c"));
}

function textOf(part: Part): string {
  if (part instanceof Markup) return part.text;
  if (typeof part === "object") return part.map(textOf).join("");
  return String(part).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
