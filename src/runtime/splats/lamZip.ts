/**
 * Avatars of LAM (aigc3d/LAM, SIGGRAPH 2025): a zip with `offset.ply`, Gaussians whose places are offsets from the
 * vertices of `skin.glb`, a skinned mesh with ARKit's expressions. `vertex_order.json` undoes what a modelling program
 * did to the order of the vertices; whether it was already undone no file says, so the order that fits is found.
 */
import { ZipReader } from "../format/zipReader.js";
import { FinishInSlicesAsync } from "../slices.js";
import { CheckGaussians, TakeGaussians, WrongGaussians, type IGaussians } from "./gaussians.js";
import { ReadLamSkin, type ILamSkin } from "./lamSkin.js";
import { ReadPly } from "./plyReader.js";

/** Heads are about this high from the neck's joint to the top, meters; only its power of ten is used. */
const HeadHeight = 0.25;

/** A LAM avatar: Gaussians at rest, in meters, and what moves each of them. */
export interface ILamAvatar {
    readonly gaussians: IGaussians;
    /** As of the mesh, for each Gaussian. */
    readonly skin: ILamSkin;
}

/** @throws FlexAvatarError `file-format` */
export async function ReadLamZipAsync(file: Uint8Array): Promise<ILamAvatar> {
    const archive = new ZipReader(file, WrongGaussians);
    const read = async (name: string): Promise<Uint8Array> => {
        const path = archive.find(name);
        if (path === undefined) {
            throw WrongGaussians(`it is an archive without ${name}, so it is no avatar of LAM`);
        }
        return await FinishInSlicesAsync(archive.read(path));
    };
    const offsets = ReadPly(await read("offset.ply"), true);
    const skin = InMeters(ReadLamSkin(await read("skin.glb")));
    if (skin.places.length !== offsets.places.length) {
        throw WrongGaussians(`it has ${offsets.count} Gaussians for ${skin.places.length / 3} vertices`);
    }
    const order = archive.find("vertex_order.json") === undefined ? null : ReadOrder(await read("vertex_order.json"));
    const ordered = TakeGaussians(offsets, FittingOrder(offsets, skin.faces, order));
    ordered.places.forEach((offset, i) => (ordered.places[i] = skin.places[i] + offset));
    return { gaussians: CheckGaussians(ordered), skin };
}

/** Modelling programs write centimeters and other units; the power of ten that makes a head of it is taken. */
function InMeters(skin: ILamSkin): ILamSkin {
    let [least, most] = [Infinity, -Infinity];
    for (let i = 1; i < skin.places.length; i += 3) {
        least = Math.min(least, skin.places[i]);
        most = Math.max(most, skin.places[i]);
    }
    const power = Math.round(Math.log10(HeadHeight / (most - least)));
    if (!Number.isFinite(power)) {
        throw WrongGaussians("its mesh has no height");
    }
    const scale = 10 ** power;
    const scaled = (values: Float32Array): Float32Array => values.map((value) => scale * value);
    return {
        ...skin,
        places: scaled(skin.places),
        neck: skin.neck && skin.neck.map((value) => scale * value),
        expressions: new Map(Array.from(skin.expressions, ([name, deltas]) => [name, scaled(deltas)])),
    };
}

function ReadOrder(file: Uint8Array): readonly number[] {
    try {
        const list: unknown = JSON.parse(new TextDecoder().decode(file));
        if (Array.isArray(list) && list.every(Number.isSafeInteger)) {
            return list as number[];
        }
    } catch {
        // told below
    }
    throw WrongGaussians("its vertex_order.json is no list of whole numbers");
}

/**
 * Which Gaussian belongs to each vertex: as they are, by the list, or by its inverse. In the right order neighbours on
 * the mesh look alike; in any other they do not.
 */
function FittingOrder(gaussians: IGaussians, faces: Uint32Array, order: readonly number[] | null): Uint32Array {
    const { count } = gaussians;
    const same = Uint32Array.from({ length: count }, (_, i) => i);
    if (!order) {
        return same;
    }
    const inverse = new Uint32Array(count).fill(count);
    order.forEach((g, i) => (inverse[g] = i));
    if (order.length !== count || inverse.includes(count)) {
        throw WrongGaussians(`its vertex_order.json is no order of ${count} vertices`);
    }
    const candidates = [same, Uint32Array.from(order), inverse];
    const roughness = candidates.map((which) => Roughness(gaussians, faces, which));
    return candidates[roughness.indexOf(Math.min(...roughness))];
}

/** How different the Gaussians at both ends of an edge are, summed over all edges. */
function Roughness({ colors, places }: IGaussians, faces: Uint32Array, which: Uint32Array): number {
    let sum = 0;
    for (let i = 0; i < faces.length; i++) {
        const a = 3 * which[faces[i]];
        const b = 3 * which[faces[i % 3 === 2 ? i - 2 : i + 1]];
        for (let k = 0; k < 3; k++) {
            sum += Math.abs(colors[a + k] - colors[b + k]) + 10 * Math.abs(places[a + k] - places[b + k]);
        }
    }
    return sum;
}
