// Python in WebAssembly, without a browser: node pyodide_run.mjs PYODIDE ARCHIVE SCRIPT
//
// PYODIDE is the folder of the npm package, ARCHIVE a zip of Python modules, SCRIPT a Python file. The archive is
// unpacked into the working folder, which is on Python's path; the script is run, and what it prints is printed.
// Nothing is fetched.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, archive, script] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(join(folder, "pyodide.mjs")));
try {
    const python = await loadPyodide({ indexURL: folder });
    python.unpackArchive(Uint8Array.from(await readFile(archive)), "zip"); // a Buffer it does not know
    await python.runPythonAsync(await readFile(script, "utf8"), { filename: script });
} catch (error) {
    console.error(error.message); // and not where in 1.2 MB of generated code
    process.exitCode = 1;
}
