// Results files are formatted like the rest of the repository, so that the lint run stays clean.
import { writeFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";

/** Writes plain data to a .json file. */
export async function WriteResultsAsync(file, results) {
    writeFileSync(file, await format(JSON.stringify(results), { ...(await resolveConfig(file)), filepath: file }));
}
