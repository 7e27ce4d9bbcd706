/**
 * Further files of a FLAME user: what FLAME's model file does not have. Each is known by what is in it.
 * - FLAME's atlas: an `.obj` of the template with texture coordinates, or `FLAME_texture.npz` with `vt` and `ft`
 * - 68 landmarks: `landmark_embedding.npy`, or 51 of them: `flame_static_embedding.pkl`
 * - MediaPipe's landmarks: `mediapipe_landmark_embedding.npz`
 */
import { FlexAvatarError } from "../../flame/error.js";
import type { IAtlas } from "./flameAtlas.js";
import type { IFlame } from "./flameFile.js";
import { IsNpy, ParseNpy } from "./npy.js";
import { IsZip } from "../format/zipReader.js";
import { NumbersOf, ReadNpz } from "./npz.js";
import type { INumberArray } from "./numberArray.js";
import { ReadPickle } from "./pickle.js";
import { ArrayOf, FieldOf } from "./pickleNames.js";

/** Points in faces. */
export interface ILandmarks {
    /** [n] face, −1 for none. */
    readonly face: Int32Array;
    /** [n,3] */
    readonly bary: Float32Array;
}

/** What further files gave. */
export interface IFlameCompanions {
    /** FLAME's atlas, for the faces of a FLAME. */
    atlas?: (flame: IFlame) => IAtlas;
    /** All 68 of Multi-PIE. */
    landmarks68?: ILandmarks;
    /** By MediaPipe's number: face, and its three barycentric coordinates. */
    mediaPipe?: ReadonlyMap<number, readonly [number, ...number[]]>;
}

/** Most letters of an `.obj`. */
const MaxObjBytes = 2 ** 25;
/** Points of an atlas have 16-bit numbers, and 120 of teeth come to them. */
const MaxPoints = 65000;

const Unknown = (what: string): FlexAvatarError =>
    new FlexAvatarError("file-format", `This further file of FLAME cannot be used: ${what}.`, {
        advice: "docs/flame.md lists the files that are.",
    });

/**
 * Reads further files.
 * @param files whole files
 * @throws FlexAvatarError `file-format` for a file that is damaged or of no use, `pickle-refused`
 */
export function ReadCompanions(files: readonly Uint8Array[]): IFlameCompanions {
    return Object.assign({}, ...files.map(ReadCompanion)) as IFlameCompanions;
}

function ReadCompanion(bytes: Uint8Array): IFlameCompanions {
    if (IsZip(bytes)) {
        const known = /^(?:vt|ft|lmk_face_idx|lmk_b_coords|landmark_indices)$/;
        const arrays = ReadNpz(bytes, (name) => known.test(name));
        return FromArrays((...names) => names.map((name) => NumbersOf(arrays.get(name))).find(Boolean));
    }
    if (IsNpy(bytes)) {
        const content = ParseNpy(bytes);
        if (content && "object" in content) {
            return FromArrays((...names) => ArrayOf(FieldOf(content.object, ...names)));
        }
        throw Unknown("its array has no dictionary of landmarks");
    }
    if (bytes[0] === 0x80 || bytes[0] === 0x28) {
        const content = ReadPickle(bytes);
        return FromArrays((...names) => ArrayOf(FieldOf(content, ...names)));
    }
    return { atlas: ObjAtlas(bytes) };
}

function FromArrays(take: (...names: readonly string[]) => INumberArray | undefined): IFlameCompanions {
    const [points, faces] = [take("vt"), take("ft")];
    if (points && faces) {
        return { atlas: AtlasOfArrays(points, faces) };
    }
    const face = take("full_lmk_faces_idx", "lmk_face_idx");
    const bary = take("full_lmk_bary_coords", "lmk_b_coords");
    const indices = take("landmark_indices");
    if (!face || !bary || bary.values.length !== 3 * face.values.length) {
        throw Unknown("it has neither an atlas (vt, ft) nor landmarks (lmk_face_idx, lmk_b_coords)");
    }
    if (indices && indices.values.length === face.values.length) {
        const entries = Array.from(indices.values, (index, i): [number, readonly [number, ...number[]]] => [
            index,
            [face.values[i], ...bary.values.subarray(3 * i, 3 * i + 3)],
        ]);
        return { mediaPipe: new Map(entries) };
    }
    if (face.values.length !== 68) {
        throw Unknown(`it has ${face.values.length} landmarks, wanted the 68 of landmark_embedding.npy`);
    }
    return { landmarks68: { face: Int32Array.from(face.values), bary: Float32Array.from(bary.values) } };
}

function AtlasOfArrays(points: INumberArray, faces: INumberArray): (flame: IFlame) => IAtlas {
    if (points.shape[1] !== 2 || faces.shape[1] !== 3) {
        throw Unknown(`vt and ft have the shapes [${points.shape.join(", ")}] and [${faces.shape.join(", ")}]`);
    }
    const atlas = { uv: Float32Array.from(points.values), uvFaces: Uint16Array.from(faces.values) };
    CheckAtlas(atlas);
    return (flame) => {
        if (atlas.uvFaces.length !== flame.faces.length) {
            throw Unknown(`its atlas has ${faces.shape[0]} faces and the model ${flame.faceCount}`);
        }
        return atlas;
    };
}

/** Wavefront's text: `vt u v` and `f vertex/point …`. */
function ObjAtlas(bytes: Uint8Array): (flame: IFlame) => IAtlas {
    if (bytes.length > MaxObjBytes) {
        throw Unknown(`it has ${bytes.length} bytes`);
    }
    const uv: number[] = [];
    const points = new Map<string, readonly number[]>();
    for (const line of new TextDecoder().decode(bytes).split("\n")) {
        const words = line.trim().split(/\s+/, 5);
        if (words[0] === "vt") {
            uv.push(Number(words[1]), Number(words[2]));
        } else if (words[0] === "f" && words.length === 4) {
            const corners = words.slice(1).map((word) => word.split("/").map((number) => Number(number) - 1));
            for (let first = 0; first < 3; first++) {
                const turned = [0, 1, 2].map((k) => corners[(first + k) % 3]);
                points.set(
                    turned.map(([vertex]) => vertex).join(),
                    turned.map(([, point]) => point),
                );
            }
        }
    }
    if (points.size === 0 || uv.length === 0) {
        throw Unknown("it is no .obj with texture coordinates and triangles");
    }
    const largest = uv.length / 2;
    return (flame) => {
        const uvFaces = new Uint16Array(flame.faces.length);
        let found = 0;
        for (let face = 0; face < flame.faceCount; face++) {
            // Faces that the file leaves out have no place in the atlas, and so no Gaussians.
            const own = points.get(flame.faces.subarray(3 * face, 3 * face + 3).join());
            if (own?.every((point) => point >= 0 && point < largest)) {
                uvFaces.set(own, 3 * face);
                found++;
            }
        }
        if (found === 0) {
            throw Unknown("its faces are not those of the model");
        }
        const atlas = { uv: Float32Array.from(uv), uvFaces };
        CheckAtlas(atlas);
        return atlas;
    };
}

function CheckAtlas({ uv, uvFaces }: IAtlas): void {
    const count = uv.length / 2;
    if (count > MaxPoints || uv.some((value) => !(Math.abs(value) <= 10)) || uvFaces.some((point) => point >= count)) {
        throw Unknown("its texture coordinates are damaged");
    }
}
