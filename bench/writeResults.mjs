// Results files are formatted like the rest of the repository, so that the lint run stays clean.
import { writeFileSync } from "node:fs";

/** Writes plain data to a .json file. */
export async function WriteResultsAsync(file, results) {
    const prettier = await import("prettier").catch(() => null); // not on a machine that got only the packed bench
    const text = JSON.stringify(results);
    writeFileSync(
        file,
        prettier ? await prettier.format(text, { ...(await prettier.resolveConfig(file)), filepath: file }) : text,
    );
}
