/** What the YAML parser says, and what it means to who wrote the file; `$1` is what the pattern caught. */
const MEANINGS: readonly (readonly [said: RegExp, meant: string])[] = [
  [/end with a \]/, 'a "[" before this is not closed by a "]"'],
  [/end with a \}/, 'a "{" before this is not closed by a "}"'],
  [/^Missing closing (["'])quote/, "a text that begins with $1 does not end with it"],
  [/^Tabs are not allowed/, "a tab is where the line is indented: write spaces"],
  [/^Map keys must be unique/, "the same key stands here for a second time"],
  [/^Nested mappings/, 'a value has a ": " in it: put it in quotes, or what it holds on lines of its own'],
  [/must start at the same column/, "this line is indented otherwise than those beside it"],
  [/ cannot start with .* character (.)$/, "a text that begins with $1 needs quotes"],
  [/^Implicit (?:map )?keys need/, 'a line needs a key, ": " and a value'],
  [/^Sequence item without -/, 'this line is indented as if it were of the list above, but has no "-"'],
  [/multiple documents/, "a second document begins here, and there may be one only"],
];

/** A syntax error of YAML in a sentence, the parser's own words behind it. Where it is has to be told before it. */
export function yamlFault(said: string): string {
  for (const [pattern, meant] of MEANINGS) {
    const match = pattern.exec(said);
    if (match) return `not valid YAML: ${meant.replace("$1", () => match[1] ?? "")} (${said})`;
  }
  return `not valid YAML: something is here that cannot be (${said})`;
}
