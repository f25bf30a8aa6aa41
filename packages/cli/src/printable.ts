/**
 * `text` as one line that is safe to show: names come from .torrent files of strangers, and a control
 * character in them could rewrite the terminal (Unicode's bidirectional overrides could too).
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, "\ufffd");
}
