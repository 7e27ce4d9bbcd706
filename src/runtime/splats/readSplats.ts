/** Files of Gaussians that become avatars, told apart by how they begin. */
import { FlexAvatarError } from "../../flame/error.js";
import { SplatByteLength } from "../format/splatFile.js";
import { SplatSources, type SplatSource } from "../format/splatSource.js";
import { IsZip } from "../format/zipReader.js";
import { WrongGaussians, type IGaussians } from "./gaussians.js";
import type { ILamSkin } from "./lamSkin.js";
import { ReadLamZipAsync } from "./lamZip.js";
import { IsPly, ReadPly } from "./plyReader.js";
import { ReadSplats } from "./splatReader.js";
import { IsGzip, ReadSpzAsync } from "./spzFile.js";

/** Gaussians of a file, and what moves them if the file says so. */
export interface IReadSplats {
    readonly format: SplatSource;
    readonly gaussians: IGaussians;
    /** Of a LAM avatar. */
    readonly skin?: ILamSkin;
}

/** @throws FlexAvatarError `invalid-argument` for a name that is none */
export function CheckSplatSource(format: string): void {
    if (!SplatSources.some((known) => known === format)) {
        throw new FlexAvatarError(
            "invalid-argument",
            `loadSplatsAsync got the format ${JSON.stringify(format)}; wanted one of ${SplatSources.join(", ")}.`,
        );
    }
}

/**
 * @param format default: told by the first bytes; `.splat` has none that tell, and is what is left
 * @throws FlexAvatarError `file-format`
 */
export async function ReadSplatsAsync(file: Uint8Array, format = SourceOf(file)): Promise<IReadSplats> {
    switch (format) {
        case "ply":
            return { format, gaussians: ReadPly(file) };
        case "spz":
            return { format, gaussians: await ReadSpzAsync(file) };
        case "lam":
            return { format, ...(await ReadLamZipAsync(file)) };
        default:
            return { format, gaussians: ReadSplats(file) };
    }
}

function SourceOf(file: Uint8Array): SplatSource {
    if (IsPly(file)) {
        return "ply";
    }
    if (IsGzip(file)) {
        return "spz";
    }
    if (IsZip(file)) {
        return "lam";
    }
    if (file.byteLength === 0 || file.byteLength % SplatByteLength !== 0) {
        throw WrongGaussians(`its ${file.byteLength} bytes begin like none of ${SplatSources.join(", ")}`);
    }
    return "splat";
}
