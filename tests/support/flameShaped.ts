/**
 * A head of FLAME's shape for tests: 5,023 vertices, 9,976 faces, two eyeballs of 546 vertices, an open mouth with an
 * edge of 32 and a neck with one of 30. Nothing of it is FLAME's: an egg with a nose, and waves as directions.
 */
import type { PickledArray } from "./pythonFiles";

/** Sizes of the directions. FLAME has 300 and 100. */
export interface IFlameShapedSizes {
    readonly shapeCount?: number;
    readonly expressionCount?: number;
}

const [Columns, Rings, MouthColumns] = [30, 131, 14];
/** Vertices that face splits add to the grid, so that there are 3,931 of the head. */
const Splits = 13;
const [EyeRings, EyeColumns] = [17, 32];
const MouthRing = 50;
/** Meters. */
const EyeCenters = [
    [0.0317, 0.0229, 0.024],
    [-0.0317, 0.0229, 0.024],
] as const;
const EyeRadius = 0.0115;
const [Low, Mouth, High] = [-0.17, -0.048, 0.13];

/** Arrays by FLAME's names. */
export type FlameShaped = Record<
    "v_template" | "f" | "shapedirs" | "posedirs" | "J_regressor" | "weights" | "kintree_table",
    PickledArray
>;

/** Makes the arrays; the same sizes give the same numbers. */
export function MakeFlameShaped({ shapeCount = 300, expressionCount = 100 }: IFlameShapedSizes = {}): FlameShaped {
    const places: number[] = [];
    const faces: number[] = [];
    AddHead(places, faces);
    EyeCenters.forEach((center) => AddEye(places, faces, center));
    const count = places.length / 3;
    const skin = (v: number): number[] => SkinOf(places, v);
    const weights = Array.from({ length: count }, (_, v) => skin(v)).flat();
    return {
        v_template: { shape: [count, 3], values: places },
        f: { shape: [faces.length / 3, 3], values: faces, type: "<u4" },
        shapedirs: {
            shape: [count, 3, shapeCount + expressionCount],
            values: Waves(places, shapeCount, expressionCount),
            as: "chumpy",
        },
        posedirs: { shape: [count, 3, 36], values: Folds(places, weights), isFortran: true },
        J_regressor: { shape: [5, count], values: Regressor(places), as: "csc" },
        weights: { shape: [count, 5], values: weights },
        kintree_table: { shape: [2, 5], values: [4294967295, 0, 1, 1, 1, 0, 1, 2, 3, 4], type: "<u4" },
    };
}

/** Azimuths of the columns: dense across the mouth, which looks along +Z, and wide behind. */
function Azimuth(column: number): number {
    const half = 0.42;
    const first = (Columns - MouthColumns) / 2;
    return column >= first && column <= first + MouthColumns
        ? half * ((2 * (column - first)) / MouthColumns - 1)
        : column < first
          ? -half - ((Math.PI - half) * (first - column)) / first
          : half + ((Math.PI - half) * (column - first - MouthColumns)) / first;
}

function Height(ring: number): number {
    return ring <= MouthRing
        ? Low + ((Mouth - Low) * ring) / MouthRing
        : Mouth + (High - Mouth) * Math.sin(((Math.PI / 2) * (ring - MouthRing)) / (Rings - MouthRing));
}

function SurfaceAt(azimuth: number, y: number): [number, number, number] {
    const t = (y + 0.02) / 0.15;
    const round = Math.sqrt(Math.max(0.02, 1 - Math.max(0, t) ** 2)) * (y < -0.09 ? 0.72 : 1);
    const nose = 0.022 * Math.exp(-((azimuth / 0.16) ** 2) - ((y + 0.012) / 0.018) ** 2);
    const [x, z] = [0.072 * round * Math.sin(azimuth), -0.045 + (0.1 * round + nose) * Math.cos(azimuth)];
    return [x, y, z];
}

function AddHead(places: number[], faces: number[]): void {
    const first = (Columns - MouthColumns) / 2;
    const index = new Map<number, number>();
    // Cells of two rings and 14 columns are the mouth: what lies within has no vertex.
    const isWithin = (ring: number, column: number): boolean =>
        ring === MouthRing && column > first && column < first + MouthColumns;
    for (let ring = 0; ring < Rings; ring++) {
        for (let column = 0; column < Columns; column++) {
            if (!isWithin(ring, column)) {
                index.set(ring * Columns + column, places.length / 3);
                places.push(...SurfaceAt(Azimuth(column), Height(ring)));
            }
        }
    }
    const pole = places.length / 3;
    places.push(0, High + 0.002, -0.045);
    const at = (ring: number, column: number): number => index.get(ring * Columns + (column % Columns))!;
    for (let column = 0; column < Columns; column++) {
        for (let ring = 0; ring + 1 < Rings; ring++) {
            const isMouth =
                ring >= MouthRing - 1 && ring <= MouthRing && column >= first && column < first + MouthColumns;
            if (!isMouth) {
                const [a, b] = [at(ring, column), at(ring, column + 1)];
                const [c, d] = [at(ring + 1, column + 1), at(ring + 1, column)];
                faces.push(a, b, c, a, c, d);
            }
        }
        faces.push(at(Rings - 1, column), at(Rings - 1, column + 1), pole);
    }
    for (let split = 0; split < Splits; split++) {
        const face = 3 * (100 * split + 7);
        const [a, b, c] = faces.slice(face, face + 3);
        const middle = places.length / 3;
        places.push(
            ...[0, 1, 2].map((axis) => (places[3 * a + axis] + places[3 * b + axis] + places[3 * c + axis]) / 3),
        );
        faces.splice(face, 3, a, b, middle);
        faces.push(b, c, middle, c, a, middle);
    }
}

function AddEye(places: number[], faces: number[], [x, y, z]: readonly number[]): void {
    const start = places.length / 3;
    for (let ring = 1; ring <= EyeRings; ring++) {
        const down = (Math.PI * ring) / (EyeRings + 1);
        for (let column = 0; column < EyeColumns; column++) {
            const turn = (2 * Math.PI * column) / EyeColumns;
            const flat = EyeRadius * Math.sin(down);
            places.push(x + flat * Math.cos(turn), y + flat * Math.sin(turn), z + EyeRadius * Math.cos(down));
        }
    }
    const [front, back] = [places.length / 3, places.length / 3 + 1];
    places.push(x, y, z + EyeRadius, x, y, z - EyeRadius);
    const at = (ring: number, column: number): number => start + ring * EyeColumns + (column % EyeColumns);
    for (let column = 0; column < EyeColumns; column++) {
        faces.push(front, at(0, column), at(0, column + 1));
        faces.push(back, at(EyeRings - 1, column + 1), at(EyeRings - 1, column));
        for (let ring = 0; ring + 1 < EyeRings; ring++) {
            const [a, b] = [at(ring, column), at(ring, column + 1)];
            const [c, d] = [at(ring + 1, column + 1), at(ring + 1, column)];
            faces.push(a, d, c, a, c, b);
        }
    }
}

const Step = (from: number, to: number, value: number): number => {
    const t = Math.min(1, Math.max(0, (value - from) / (to - from)));
    return t * t * (3 - 2 * t);
};

/** global, neck, jaw and eyes; a row sums to one. */
function SkinOf(places: readonly number[], v: number): number[] {
    if (v >= 5023 - 546) {
        return [0, 0, 0, 0, 1];
    }
    if (v >= 5023 - 2 * 546) {
        return [0, 0, 0, 1, 0];
    }
    const [, y, z] = places.slice(3 * v, 3 * v + 3);
    const jaw = Step(Mouth + 0.002, Mouth - 0.004, y) * Step(-0.05, 0.02, z) * Step(-0.13, -0.1, y);
    const global = (1 - jaw) * Step(-0.11, -0.16, y);
    return [global, 1 - jaw - global, jaw, 0, 0];
}

/** [V,3,n] smooth, smaller the later. */
function Waves(places: readonly number[], shapeCount: number, expressionCount: number): Float64Array {
    const n = shapeCount + expressionCount;
    const values = new Float64Array(places.length * n);
    for (let k = 0; k < n; k++) {
        const order = k < shapeCount ? k : k - shapeCount;
        const size = (k < shapeCount ? 0.003 : 0.002) / Math.sqrt(1 + order);
        const [fx, fy, fz] = [10 + 7 * (order % 5), 10 + 9 * (order % 7), 10 + 8 * (order % 3)];
        for (let v = 0; 3 * v < places.length; v++) {
            const [x, y, z] = [places[3 * v], places[3 * v + 1], places[3 * v + 2]];
            // Expressions move the front only.
            const share = k < shapeCount ? size : size * Step(-0.02, 0.03, z) * Step(-0.12, -0.08, y);
            for (let axis = 0; axis < 3; axis++) {
                values[(3 * v + axis) * n + k] = share * Math.sin(fx * x + fy * y + fz * z + 1.3 * k + 2 * axis);
            }
        }
    }
    return values;
}

/** [V,3,36] folds where neck and jaw bend; eyes have none. */
function Folds(places: readonly number[], weights: readonly number[]): Float64Array {
    const values = new Float64Array(places.length * 36);
    for (let v = 0; 3 * v < places.length; v++) {
        for (let feature = 0; feature < 18; feature++) {
            const weight = weights[5 * v + 1 + Math.floor(feature / 9)];
            const fold = 0.005 * weight * (1 - weight);
            for (let axis = 0; axis < 3; axis++) {
                values[(3 * v + axis) * 36 + feature] = fold * Math.cos(feature + axis);
            }
        }
    }
    return values;
}

/** [5,V] joints as means of what lies around them. */
function Regressor(places: readonly number[]): Float64Array {
    const count = places.length / 3;
    const wanted = [
        (v: number) => v < 3931 && places[3 * v + 1] < -0.13,
        (v: number) => v < 3931 && Math.abs(places[3 * v + 1] + 0.01) < 0.02 && places[3 * v + 2] < 0,
        (v: number) => v < 3931 && Math.abs(places[3 * v + 1] + 0.016) < 0.01 && places[3 * v + 2] < -0.02,
        (v: number) => v >= 3931 && v < 3931 + 546,
        (v: number) => v >= 3931 + 546,
    ];
    const values = new Float64Array(5 * count);
    wanted.forEach((isWanted, joint) => {
        const own = Array.from({ length: count }, (_, v) => v).filter(isWanted);
        own.forEach((v) => (values[joint * count + v] = 1 / own.length));
    });
    return values;
}

/** Arrays of FLAME's names and kinds on eight vertices: for readers, not for heads. */
export function MakeTinyFlame(): FlameShaped {
    const count = 8;
    const wave = (length: number): number[] => Array.from({ length }, (_, i) => Math.sin(i) / 10);
    return {
        v_template: { shape: [count, 3], values: wave(3 * count) },
        f: { shape: [6, 3], values: Array.from({ length: 18 }, (_, i) => (5 * i) % count), type: "<u4" },
        shapedirs: { shape: [count, 3, 303], values: wave(3 * 303 * count), as: "chumpy" },
        posedirs: { shape: [count, 3, 36], values: wave(3 * 36 * count), isFortran: true },
        J_regressor: { shape: [5, count], values: wave(5 * count).map((_, i) => (i % 3 ? 0 : 0.25)), as: "csc" },
        weights: { shape: [count, 5], values: wave(5 * count).map(() => 0.2) },
        kintree_table: { shape: [2, 5], values: [4294967295, 0, 1, 1, 1, 0, 1, 2, 3, 4], type: "<u4" },
    };
}
