// Solidity's standard JSON from one file to another: `node compile.cjs INPUT OUTPUT`.
// The compiler's own command cuts long answers where its output is a pipe.
const fs = require("node:fs");
const solc = require("solc");

const [input, output] = process.argv.slice(2);
fs.writeFileSync(output, solc.compile(fs.readFileSync(input, "utf8")));
