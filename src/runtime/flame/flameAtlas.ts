/**
 * An atlas for a FLAME head whose user has no file with FLAME's own: the head is unrolled like a cylinder about its
 * height, eyeballs are discs. It leaves the top free, where teeth are. It is not the paper's layout, and where skin
 * folds over itself (under the nose, behind the ears) one layer gets the texels.
 */
import type { IFlame } from "./flameFile.js";
import { IsEye } from "./registerHead.js";

/** A layout of faces in the unit square. T points, F faces. */
export interface IAtlas {
    /** [T,2] u right, v up. */
    readonly uv: Float32Array;
    /** [F,3] */
    readonly uvFaces: Uint16Array;
}

/** The part of the square that skin fills. */
const Skin = { left: 0.01, right: 0.99, bottom: 0.13, top: 0.94 };
/** Centres and radius of the discs of the eyes, the head's right one first as in a picture. */
const Discs = { v: 0.065, u: [0.4, 0.6], radius: 0.055 } as const;

/** Makes the atlas. */
export function UnrolledAtlas(flame: IFlame): IAtlas {
    const { template, faces, faceCount, vertexCount } = flame;
    const isEye = Array.from({ length: vertexCount }, (_, v) => IsEye(flame, v));
    const bounds = (axis: number): [number, number] => {
        let [low, high] = [Infinity, -Infinity];
        for (let v = 0; v < vertexCount; v++) {
            low = isEye[v] ? low : Math.min(low, template[3 * v + axis]);
            high = isEye[v] ? high : Math.max(high, template[3 * v + axis]);
        }
        return [low, high];
    };
    const [bottom, top] = bounds(1);
    const [back, front] = bounds(2);
    const depth = (back + front) / 2;
    const turn = (v: number): number => Math.atan2(template[3 * v], template[3 * v + 2] - depth) / (2 * Math.PI) + 0.5;
    const eyes = [false, true].map((isLeft) => EyeOf(flame, isEye, isLeft));
    const uv: number[] = [];
    const points = new Map<string, number>();
    const point = (key: string, u: number, v: number): number => {
        const known = points.get(key);
        if (known !== undefined) {
            return known;
        }
        points.set(key, uv.length / 2);
        uv.push(u, v);
        return uv.length / 2 - 1;
    };
    const uvFaces = new Uint16Array(3 * faceCount);
    for (let face = 0; face < faceCount; face++) {
        const corners = [0, 1, 2].map((corner) => faces[3 * face + corner]);
        if (isEye[corners[0]]) {
            const side = template[3 * corners[0]] > 0 ? 1 : 0;
            corners.forEach((v, corner) => {
                const [u, w] = OnDisc(template, v, eyes[side], side);
                uvFaces[3 * face + corner] = point(`${v}`, u, w);
            });
            continue;
        }
        const turns = corners.map(turn);
        const isCut = Math.max(...turns) - Math.min(...turns) > 0.5;
        corners.forEach((v, corner) => {
            // Behind the head a face that crosses the cut stays whole, on the side where most of it is.
            const share = isCut ? CutTurn(turns, corner) : turns[corner];
            const u = Skin.left + (Skin.right - Skin.left) * share;
            const height = (template[3 * v + 1] - bottom) / (top - bottom);
            const w = Skin.bottom + (Skin.top - Skin.bottom) * height;
            uvFaces[3 * face + corner] = point(`${v} ${share.toFixed(6)}`, u, w);
        });
    }
    return { uv: Float32Array.from(uv), uvFaces };
}

function CutTurn(turns: readonly number[], corner: number): number {
    const isRight = turns.filter((turn) => turn > 0.5).length >= 2;
    const turn = turns[corner];
    return Math.min(1, Math.max(0, isRight && turn < 0.5 ? turn + 1 : !isRight && turn > 0.5 ? turn - 1 : turn));
}

interface IEyeball {
    readonly center: readonly number[];
}

function EyeOf({ template, vertexCount }: IFlame, isEye: readonly boolean[], isLeft: boolean): IEyeball {
    const own = Array.from({ length: vertexCount }, (_, v) => v).filter(
        (v) => isEye[v] && template[3 * v] > 0 === isLeft,
    );
    return {
        center: [0, 1, 2].map((axis) => own.reduce((sum, v) => sum + template[3 * v + axis], 0) / (own.length || 1)),
    };
}

/** The ball seen from the front, its back rolled out around it. */
function OnDisc(template: Float32Array, v: number, { center }: IEyeball, side: number): [number, number] {
    const [x, y, z] = [0, 1, 2].map((axis) => template[3 * v + axis] - center[axis]);
    const angle = Math.acos(Math.min(1, Math.max(-1, z / (Math.hypot(x, y, z) || 1))));
    const flat = Math.hypot(x, y) || 1;
    const radius = (Discs.radius * angle) / Math.PI;
    return [Discs.u[side] + (radius * x) / flat, Discs.v + (radius * y) / flat];
}
