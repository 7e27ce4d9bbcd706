// Writes a .flexavatar file as a mesh in Node: what a page does with loadAsync and exportMeshAsync.
import { readFileSync, writeFileSync } from "node:fs";
import { bringFetchOfFiles, createMaker } from "./makePerson.mjs";

/**
 * @param file a .flexavatar file
 * @param target the .glb file to write
 * @param options `textureSize`: edge of the head's texture in pixels; `project`: the folder whose packages are used
 * @returns bytes written
 */
export async function exportMesh(file, target, { textureSize, project = process.cwd() } = {}) {
    bringFetchOfFiles();
    const { ReadAvatarFile } = await import("../dist/lib/person.js");
    const person = ReadAvatarFile(new Uint8Array(readFileSync(file)));
    const maker = await createMaker(project);
    try {
        const bytes = await maker.exportMeshAsync(person, { textureSize });
        writeFileSync(target, bytes);
        return bytes.length;
    } finally {
        maker.dispose();
    }
}
