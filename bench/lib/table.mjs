/** A table in Markdown: text in the first column, numbers in the others. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return `${[line(head), line(head.map((_, index) => (index ? '--:' : '---'))), ...rows.map(line)].join('\n')}\n`;
}
