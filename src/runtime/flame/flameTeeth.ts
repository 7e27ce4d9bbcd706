/**
 * The teeth that FLAME lacks: two strips of 4 × 15 vertices behind the lips, 120 in all, as the paper adds them
 * (supplement, "UV map structure": 5,023 to 5,143 vertices, two rectangles at the top of the atlas). Where they stand
 * follows from the edge of the mouth's opening, so that any head of FLAME's topology gets them.
 */
import { JointCount } from "../../flame/headModel.js";
import { WrongFlame, type IFlame } from "./flameFile.js";

/** Vertices along a row of teeth, rows of a strip, and vertices of both strips. */
export const [TeethColumns, TeethRows] = [15, 4];
/** Vertices that the paper adds: 120. */
export const TeethVertexCount = 2 * TeethRows * TeethColumns;
/** Faces of one strip. */
const StripFaces = 2 * (TeethRows - 1) * (TeethColumns - 1);
/** Half the width of a row beside that of the mouth's opening. */
const Width = 0.8;
/** Meters: how far roots stand behind the edge of the lips, lower teeth behind upper ones, and how thick teeth are. */
const [BehindLips, LowerBehind, Thickness] = [0.001, 0.0015, 0.004];
/** Meters that upper teeth reach below the line where the lips meet, and lower ones. */
const [UpperReach, LowerReach] = [0.001, 0];
const [Neck, Jaw] = [1, 2];
/** Rectangles of the atlas: left, right, and bottom and top of the upper and of the lower teeth. */
const [Left, Right] = [0.38, 0.62];
const Strips = [
    { bottom: 0.977, top: 0.993 },
    { bottom: 0.958, top: 0.974 },
] as const;

/** A FLAME head with teeth, and what is new. Teeth come last: upper strip, then lower. */
export interface ITeeth {
    readonly flame: IFlame;
    /** [120,2] places in the atlas of the new vertices. */
    readonly uv: Float32Array;
    /** First face of the upper and of the lower strip. */
    readonly firstFace: readonly [number, number];
    /** Half the width of the mouth's opening, meters. */
    readonly halfWidth: number;
}

/** Where a tooth's root hangs: two vertices of the lips' edge and how they mix. */
interface IRoot {
    readonly vertices: readonly [number, number];
    readonly share: number;
}

/**
 * Adds the teeth.
 * @throws FlexAvatarError `file-format` if the head has no open mouth
 */
export function AddTeeth(flame: IFlame): ITeeth {
    const edge = MouthEdge(flame);
    const { template } = flame;
    const halfWidth = Math.min(...[edge.upper, edge.lower].map((side) => HalfWidth(side, template)));
    const columns = Array.from({ length: TeethColumns }, (_, column) => {
        const x = Width * halfWidth * ((2 * column) / (TeethColumns - 1) - 1) + edge.middle;
        return { x, upper: RootAt(edge.upper, template, x), lower: RootAt(edge.lower, template, x) };
    });
    const added = new Float32Array(3 * TeethVertexCount);
    columns.forEach(({ x, upper, lower }, column) => {
        const [u, l] = [PlaceOf(upper, template), PlaceOf(lower, template)];
        const bite = (u[1] + l[1]) / 2;
        const strips = [
            { root: [u[1], u[2] - BehindLips], edge: [bite - UpperReach, u[2] - BehindLips] },
            { root: [l[1], l[2] - BehindLips], edge: [bite - LowerReach, u[2] - BehindLips - LowerBehind] },
        ];
        strips.forEach((strip, side) => {
            const rows = [
                strip.root,
                strip.edge,
                [strip.edge[0], strip.edge[1] - Thickness],
                [strip.root[0], strip.root[1] - Thickness],
            ];
            rows.forEach(([y, z], row) => added.set([x, y, z], 3 * IndexOf(side, row, column)));
        });
    });
    const faces = TeethFaces(flame.vertexCount);
    return {
        flame: Extended(flame, added, columns, faces),
        uv: TeethUv(),
        firstFace: [flame.faceCount, flame.faceCount + StripFaces],
        halfWidth,
    };
}

const IndexOf = (side: number, row: number, column: number): number => (side * TeethRows + row) * TeethColumns + column;

function Extended(
    flame: IFlame,
    added: Float32Array,
    columns: readonly { upper: IRoot; lower: IRoot }[],
    faces: Uint16Array,
): IFlame {
    const vertexCount = flame.vertexCount + TeethVertexCount;
    // Identity moves a tooth as it moves the lips around it; expressions and correctives do not move it.
    const identity = (directions: Float32Array, from: number, into: Float32Array, at: number): void => {
        columns.forEach(({ upper, lower }, column) => {
            const [u, l] = [PlaceOf(upper, directions, from), PlaceOf(lower, directions, from)];
            for (let side = 0; side < 2; side++) {
                for (let row = 0; row < TeethRows; row++) {
                    into.set(
                        u.map((value, axis) => (value + l[axis]) / 2),
                        at + 3 * IndexOf(side, row, column),
                    );
                }
            }
        });
    };
    const weights = new Float32Array(JointCount * vertexCount);
    weights.set(flame.weights);
    for (let tooth = 0; tooth < TeethVertexCount; tooth++) {
        const joint = tooth < TeethVertexCount / 2 ? Neck : Jaw;
        weights[JointCount * (flame.vertexCount + tooth) + joint] = 1;
    }
    const regressor = new Float32Array(JointCount * vertexCount);
    for (let joint = 0; joint < JointCount; joint++) {
        const row = flame.jointRegressor.subarray(joint * flame.vertexCount, (joint + 1) * flame.vertexCount);
        regressor.set(row, joint * vertexCount);
    }
    const template = new Float32Array(3 * vertexCount);
    template.set(flame.template);
    template.set(added, flame.template.length);
    const allFaces = new Uint16Array(flame.faces.length + faces.length);
    allFaces.set(flame.faces);
    allFaces.set(faces, flame.faces.length);
    return {
        ...flame,
        vertexCount,
        faceCount: allFaces.length / 3,
        template,
        faces: allFaces,
        shapeDirs: Longer(flame.shapeDirs, flame.vertexCount, vertexCount, identity),
        expressionDirs: Longer(flame.expressionDirs, flame.vertexCount, vertexCount),
        poseDirs: Longer(flame.poseDirs, flame.vertexCount, vertexCount),
        jointRegressor: regressor,
        weights,
    };
}

/** Directions of more vertices. @param fill writes what the new ones do */
function Longer(
    directions: Float32Array,
    before: number,
    after: number,
    fill?: (from: Float32Array, at: number, into: Float32Array, to: number) => void,
): Float32Array {
    const count = directions.length / (3 * before);
    const longer = new Float32Array(3 * after * count);
    for (let k = 0; k < count; k++) {
        longer.set(directions.subarray(3 * before * k, 3 * before * (k + 1)), 3 * after * k);
        fill?.(directions, 3 * before * k, longer, 3 * (after * k + before));
    }
    return longer;
}

/** Counter-clockwise from outside: the front looks along +Z. */
function TeethFaces(first: number): Uint16Array {
    const faces: number[] = [];
    for (let side = 0; side < 2; side++) {
        for (let row = 0; row + 1 < TeethRows; row++) {
            for (let column = 0; column + 1 < TeethColumns; column++) {
                const at = (r: number, c: number): number => first + IndexOf(side, row + r, column + c);
                const [a, b, c, d] = [at(0, 0), at(0, 1), at(1, 1), at(1, 0)];
                // Roots of upper teeth are above their edges, those of lower teeth below.
                faces.push(...(side === 0 ? [a, d, c, a, c, b] : [a, c, d, a, b, c]));
            }
        }
    }
    return Uint16Array.from(faces);
}

function TeethUv(): Float32Array {
    const uv = new Float32Array(2 * TeethVertexCount);
    Strips.forEach(({ bottom, top }, side) => {
        for (let row = 0; row < TeethRows; row++) {
            for (let column = 0; column < TeethColumns; column++) {
                const share = row / (TeethRows - 1);
                const u = Left + ((Right - Left) * column) / (TeethColumns - 1);
                uv.set(
                    [u, side === 0 ? top - share * (top - bottom) : bottom + share * (top - bottom)],
                    2 * IndexOf(side, row, column),
                );
            }
        }
    });
    return uv;
}

interface IMouthEdge {
    readonly upper: readonly number[];
    readonly lower: readonly number[];
    readonly middle: number;
}

/** The edge of the mesh that is nearest to the front, cut at its corners. */
function MouthEdge(flame: IFlame): IMouthEdge {
    const { template } = flame;
    const mean = (loop: readonly number[], axis: number): number =>
        loop.reduce((sum, v) => sum + template[3 * v + axis], 0) / loop.length;
    const loop = EdgeLoops(flame).sort((a, b) => mean(b, 2) - mean(a, 2))[0];
    if (!loop || loop.length < 8) {
        throw WrongFlame("its mouth has no opening behind which teeth could stand");
    }
    const by = (compare: (a: number, b: number) => boolean): number =>
        loop.reduce((best, _, i) => (compare(template[3 * loop[i]], template[3 * loop[best]]) ? i : best), 0);
    const [right, left] = [by((a, b) => a < b), by((a, b) => a > b)];
    const between = (from: number, to: number): number[] => {
        const part = [loop[from]];
        for (let i = from; i !== to;) {
            i = (i + 1) % loop.length;
            part.push(loop[i]);
        }
        return part;
    };
    const sides = [between(right, left), between(left, right).reverse()].sort((a, b) => mean(b, 1) - mean(a, 1));
    return { upper: sides[0], lower: sides[1], middle: (template[3 * loop[right]] + template[3 * loop[left]]) / 2 };
}

/** Loops of edges that have a face on one side only. */
function EdgeLoops({ faces }: IFlame): number[][] {
    const next = new Map<number, number>();
    const edges = new Set<number>();
    const key = (a: number, b: number): number => a * 65536 + b;
    for (let i = 0; i < faces.length; i++) {
        edges.add(key(faces[i], faces[i % 3 === 2 ? i - 2 : i + 1]));
    }
    for (const edge of edges) {
        const [a, b] = [Math.floor(edge / 65536), edge % 65536];
        if (!edges.has(key(b, a))) {
            next.set(a, b);
        }
    }
    const loops: number[][] = [];
    while (next.size > 0) {
        const loop: number[] = [];
        for (let at = next.keys().next().value; at !== undefined && next.has(at);) {
            const following = next.get(at);
            loop.push(at);
            next.delete(at);
            at = following;
        }
        loops.push(loop);
    }
    return loops;
}

function HalfWidth(side: readonly number[], template: Float32Array): number {
    return (template[3 * side[side.length - 1]] - template[3 * side[0]]) / 2;
}

/** Where one side of the opening is at x. */
function RootAt(side: readonly number[], template: Float32Array, x: number): IRoot {
    for (let i = 0; i + 1 < side.length; i++) {
        const [a, b] = [side[i], side[i + 1]];
        const [from, to] = [template[3 * a], template[3 * b]];
        if (x <= to && to > from) {
            return { vertices: [a, b], share: Math.min(1, Math.max(0, (x - from) / (to - from))) };
        }
    }
    const last = side[side.length - 1];
    return { vertices: [last, last], share: 0 };
}

function PlaceOf({ vertices: [a, b], share }: IRoot, values: Float32Array, from = 0): number[] {
    return [0, 1, 2].map((axis) => (1 - share) * values[from + 3 * a + axis] + share * values[from + 3 * b + axis]);
}
