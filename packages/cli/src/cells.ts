/** East Asian and emoji characters take two cells of a terminal, combining marks none (Unicode TR 11). */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const COMBINING = /\p{M}/u;

/** How many cells of a terminal the text takes. */
export function cellCount(text: string): number {
  let cells = 0;
  for (const character of text) cells += cellsOf(character);
  return cells;
}

/** The text, or its beginning and `…` where it takes more than `most` cells. */
export function cutToCells(text: string, most: number): string {
  if (cellCount(text) <= most) return text;
  let cells = 1; // the ellipsis
  let kept = "";
  for (const character of text) {
    cells += cellsOf(character);
    if (cells > most) break;
    kept += character;
  }
  return `${kept}…`;
}

/** The text in exactly so many cells: cut, or padded with spaces. */
export function fitToCells(text: string, cells: number): string {
  const cut = cutToCells(text, cells);
  return cut + " ".repeat(cells - cellCount(cut));
}

function cellsOf(character: string): number {
  if (COMBINING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
