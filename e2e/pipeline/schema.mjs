// Prints the JSON schema of .gitlab-ci.yml that gitlab-ci-local brings along, which
// is GitLab's own. The program is one bundled file with the schema as an object
// within it; this finds the object by its id and reads it to its closing brace.
import {readFileSync} from "node:fs";
import {runInNewContext} from "node:vm";

const text = readFileSync(process.argv[2], "utf8");
const id = text.indexOf('$id:"https://gitlab.com/.gitlab-ci.yml"');
const start = text.lastIndexOf("{$schema:", id);
if (id < 0 || start < 0) throw new Error("no schema of .gitlab-ci.yml in " + process.argv[2]);
let depth = 0;
let end = start;
for (let quote = ""; ; end++) {
    const c = text[end];
    if (c === undefined) throw new Error("the schema does not end");
    if (quote) {
        if (c === "\\") end++;
        else if (c === quote) quote = "";
    } else if (c === '"' || c === "'" || c === "`") quote = c;
    else if (c === "{") depth++;
    else if (c === "}" && --depth === 0) break;
}
process.stdout.write(JSON.stringify(runInNewContext("(" + text.slice(start, end + 1) + ")")));
