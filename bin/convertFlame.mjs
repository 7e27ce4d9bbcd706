// Makes a head model file of the user's own FLAME. Nothing of it leaves the machine.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const packageRoot = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const openHead = path.join(packageRoot, "assets", "models", "open-head.bin");

/**
 * @param files FLAME's file, and further ones
 * @param target the file to write
 * @param options settings of ConvertFlame
 * @returns what was found
 */
export async function convertFlame([file, ...companions], target, options = {}) {
    const { ConvertFlame, ParseHeadModel, ReadCompanions, ReadFlame } = await import("../dist/lib/person.js");
    const bytesOf = (name) => new Uint8Array(readFileSync(name));
    const head = ParseHeadModel(bytesOf(openHead).buffer);
    const { bytes, report } = ConvertFlame(
        ReadFlame(bytesOf(file)),
        head,
        ReadCompanions(companions.map(bytesOf)),
        options,
    );
    writeFileSync(target, bytes);
    return { bytes: bytes.length, ...report };
}

const millimeters = (meters) => `${(1000 * meters).toFixed(2)} mm`;

/** Lines for a person to read. */
export function describeReport({ vertexCount, texelCount, atlas, landmarks68, mediaPipe, hasExpressions, ...rest }) {
    const lines = [
        `${vertexCount} vertices with teeth, ${texelCount} valid texels at 400 x 400 (the paper: 141445)`,
        `atlas: ${atlas === "file" ? "of your file" : "unrolled, not FLAME's own: pass FLAME's .obj with texture coordinates"}`,
        `landmarks: 68 ${landmarks68 === "file" ? "of your file" : "carried over"}, MediaPipe's ${mediaPipe === "file" ? "of your file, others carried over" : "carried over"}`,
        `open-head and FLAME's nearest shape are ${millimeters(rest.registrationDistance)} apart on the face (median)`,
    ];
    if (!hasExpressions) {
        return [...lines, "expressions: carried over from open-head, because this file has none of FLAME's"];
    }
    lines.push("expression: wanted, and what FLAME lacks of it (root mean square over the face)");
    return lines.concat(
        rest.residuals.map(
            ({ name, wanted, left }) => `    ${name.padEnd(20)} ${millimeters(wanted)}  ${millimeters(left)}`,
        ),
    );
}
