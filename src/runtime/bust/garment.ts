/**
 * Clothes that a network took for hair or skin: collars, scarves and coats beside long hair. Twin:
 * training/bust/garment.py.
 */
import { Within, type Work } from "../slices.js";
import type { IBustPhoto } from "./bustInput.js";
import { Clamp, Ramp } from "./grids.js";

/** Edge of a cell, in parts of the crop's side. */
const CellShare = 0.01;
/** Light and shade on hair: as many times as bright as where it is sure. */
const LightOnHair = [0.6, 1.5] as const;
/** On skin: a neck lies in the chin's shadow. */
const LightOnSkin = [0.3, 1.5] as const;
/** Where colors of clothes are known and compared. */
const NearLight = [0.85, 1.2] as const;
/** On the background. */
const LightOnScene = [0.8, 1.25] as const;
/** Distance of colors from which they are not alike, 0..1 a channel. */
const Unlike = 0.08;
/** The brightest channel times this is the share of that distance that counts, from a half to all of it. */
const Dark = 1.6;
/** A color of which the sure hair has fewer than so many parts is not hair. */
const LeastShare = 0.1;
/** The same for strips beside the neck. */
const NotAtAll = 0.01;
/** Cells of sure hair without which nothing is told. */
const LeastCells = 30;
/** A patch of clothes has at least so many cells that are surrounded by it, two cells deep. */
const LeastCore = 6;
/** Cells of clothes whose colors say what else is clothes. */
const LeastClothes = 16;
/** As many times more alike the clothes than the hair. */
const MoreAlike = 2.5;
/** Cells of a patch beside the neck, which may be a strip. */
const LeastBeside = 6;
/** Cells of a patch of hair that hangs on none and may be a collar. */
const MostLoose = 150;
/** What of the person's cells around it must then be clothes. */
const LeastDressed = 0.4;
/** Cells of clothes that may be background that the matte kept, and the share of them that must look like it. */
const [MostScene, SceneShare] = [200, 0.7];
/** Cells of background that the matte is not sure of, and what it keeps of them at most, in the mean. */
const [LeastBehind, KeptBehind] = [6, 0.97];
/** What the matte keeps so little of may have any color. */
const Blended = 0.9;
/** A beard of its own color: cells that show it, and half widths of a beard around the chin where they must lie. */
const [LeastBeard, BeardMiddle] = [60, 0.6];
/** Half widths of a beard from the chin to there. */
const NeckTimes = 1.3;
/** Colors that others are compared with. */
const MostSure = 400;
/** What a cell must have of hair and person to be sure. */
const Sure = 0.8;
const AtOnce = 1000;

/** Where a photo shows what. */
export interface IRows {
    /** Rows in pixels: of the ears, of the mouth (up to there a collar may reach) and of the chin. */
    readonly ears: number;
    readonly mouth: number;
    readonly chin: number;
    /** Middle (x, y) and half axes of what may be a beard, pixels. */
    readonly beard: readonly [number, number, number, number];
}

/** Means over the cells of a photo. */
interface ICells {
    readonly edge: number;
    readonly columns: number;
    readonly rows: number;
    /** [rows,columns,3] 0..1 where it is in the photo. */
    readonly color: Float64Array;
    /** [rows,columns,3] hair, skin, clothes, 0..1. */
    readonly classes: Float64Array;
    /** [rows,columns] 0..1 */
    readonly matte: Float64Array;
    /** [rows,columns] share that is in the photo. */
    readonly inside: Float64Array;
}

function CellsOf({ width, height, pixels, crop }: IBustPhoto, matte: Float32Array, classes: Float32Array): ICells {
    const edge = Math.max(1, Math.round(CellShare * crop.sidePx));
    const [columns, rows] = [Math.ceil(width / edge), Math.ceil(height / edge)];
    const count = columns * rows;
    const cells = {
        edge,
        columns,
        rows,
        color: new Float64Array(3 * count),
        classes: new Float64Array(3 * count),
        matte: new Float64Array(count),
        inside: new Float64Array(count),
    };
    const share = 1 / edge ** 2;
    for (let y = 0, i = 0; y < height; y++) {
        const row = Math.floor(y / edge) * columns;
        for (let x = 0; x < width; x++, i++) {
            if (pixels[4 * i + 3] === 0) {
                continue;
            }
            const cell = row + Math.floor(x / edge);
            cells.inside[cell] += share;
            cells.matte[cell] += share * matte[i];
            for (let k = 0; k < 3; k++) {
                cells.color[3 * cell + k] += (share * pixels[4 * i + k]) / 255;
                cells.classes[3 * cell + k] += share * classes[3 * i + k];
            }
        }
    }
    for (let cell = 0; cell < count; cell++) {
        const whole = Math.max(cells.inside[cell], 1e-9);
        cells.matte[cell] /= whole;
        for (let k = 3 * cell; k < 3 * cell + 3; k++) {
            cells.color[k] /= whole;
            cells.classes[k] /= whole;
        }
    }
    return cells;
}

/** Colors [m,3] of at most {@link MostSure} of the cells for which something holds, evenly. */
function ColorsWhere({ color, matte }: ICells, holds: (cell: number) => boolean): Float64Array {
    const found = Array.from(matte.keys()).filter(holds);
    const step = Math.max(1, Math.ceil(found.length / MostSure));
    return Float64Array.from(
        found.filter((_, i) => i % step === 0).flatMap((cell) => Array.from(color.subarray(3 * cell, 3 * cell + 3))),
    );
}

/** Share of sure colors [m,3] that a color is like, in more light or less; 0 where none are sure. */
function Alike(color: Float64Array, at: number, sure: Float64Array, light: readonly [number, number]): number {
    const [r, g, b] = [color[at], color[at + 1], color[at + 2]];
    const most = (Unlike * Clamp(Dark * Math.max(r, g, b), 0.5, 1)) ** 2;
    let alike = 0;
    for (let k = 0; k < sure.length; k += 3) {
        const [x, y, z] = [sure[k], sure[k + 1], sure[k + 2]];
        const bright = Clamp((r * x + g * y + b * z) / Math.max(x * x + y * y + z * z, 1e-6), ...light);
        const away = (r - bright * x) ** 2 + (g - bright * y) ** 2 + (b - bright * z) ** 2;
        alike += away < most ? 1 : 0;
    }
    return sure.length > 0 ? (3 * alike) / sure.length : 0;
}

/** Cells with those outside of the photo as the nearest inside, in the column, then beside. */
function Carried(on: Uint8Array, { rows, columns, inside }: ICells): Uint8Array {
    const carried = on.slice();
    const [first, last] = [new Int32Array(columns).fill(rows), new Int32Array(columns).fill(-1)];
    inside.forEach((share, cell) => {
        if (share >= 0.5) {
            const [row, column] = [Math.floor(cell / columns), cell % columns];
            first[column] = Math.min(first[column], row);
            last[column] = row;
        }
    });
    const seen = Array.from(last.keys()).filter((column) => last[column] >= 0);
    if (seen.length === 0) {
        return carried;
    }
    for (let cell = 0; cell < carried.length; cell++) {
        const column = Clamp(cell % columns, seen[0], seen[seen.length - 1]);
        const row = Math.floor(cell / columns);
        carried[cell] = last[column] < 0 ? on[cell] : on[Clamp(row, first[column], last[column]) * columns + column];
    }
    return carried;
}

/** Cells that have at least four others around them. */
function Supported(on: Uint8Array, { rows, columns }: ICells): Uint8Array {
    return on.map((value, cell) => {
        const [row, column] = [Math.floor(cell / columns), cell % columns];
        let around = 0;
        for (let y = Math.max(0, row - 1); y <= Math.min(rows - 1, row + 1); y++) {
            for (let x = Math.max(0, column - 1); x <= Math.min(columns - 1, column + 1); x++) {
                around += on[y * columns + x];
            }
        }
        return Number(value === 1 && around >= 5);
    });
}

/** Whether all cells around one, two deep, are on; edges go on. */
function IsCore(on: Uint8Array, { rows, columns }: ICells, cell: number): boolean {
    const [row, column] = [Math.floor(cell / columns), cell % columns];
    for (let y = row - 2; y <= row + 2; y++) {
        for (let x = column - 2; x <= column + 2; x++) {
            if (on[Clamp(y, 0, rows - 1) * columns + Clamp(x, 0, columns - 1)] === 0) {
                return false;
            }
        }
    }
    return true;
}

/** Cells of the four beside one. */
function Beside(cell: number, { rows, columns }: ICells): number[] {
    const x = cell % columns;
    const next = [cell - columns, cell + columns, x > 0 ? cell - 1 : -1, x < columns - 1 ? cell + 1 : -1];
    return next.filter((other) => other >= 0 && other < rows * columns);
}

/** The patch around a cell that is on; marks it in `seen`. */
function PatchAt(on: Uint8Array, seen: Uint8Array, start: number, cells: ICells): number[] {
    seen[start] = 1;
    const patch = [start];
    for (let k = 0; k < patch.length; k++) {
        for (const cell of Beside(patch[k], cells)) {
            if (on[cell] === 1 && seen[cell] === 0) {
                seen[cell] = 1;
                patch.push(cell);
            }
        }
    }
    return patch;
}

/** Cells of `on` in patches of which something holds. */
function PatchesWhere(on: Uint8Array, cells: ICells, holds: (patch: readonly number[]) => boolean): Uint8Array {
    const [found, seen] = [new Uint8Array(on.length), new Uint8Array(on.length)];
    for (let start = 0; start < on.length; start++) {
        if (on[start] === 1 && seen[start] === 0) {
            const patch = PatchAt(on, seen, start, cells);
            const value = Number(holds(patch));
            patch.forEach((cell) => (found[cell] = value));
        }
    }
    return found;
}

/** Cells in patches that touch the photo's lower edge and are more than a strip, or lie `beside` the neck. */
function FromBelow(on: Uint8Array, cells: ICells, beside: Uint8Array): Uint8Array {
    const { rows, columns, inside } = cells;
    const around = Carried(on, cells);
    const found = new Uint8Array(on.length);
    const seen = new Uint8Array(on.length);
    for (let column = 0; column < columns; column++) {
        let below = 0;
        for (let row = rows - 1; row >= 0 && below < 2; row--) {
            const start = row * columns + column;
            if (inside[start] < 0.5) {
                continue;
            }
            below++;
            if (on[start] === 0 || seen[start] === 1) {
                continue;
            }
            const patch = PatchAt(on, seen, start, cells);
            const isWide = patch.filter((cell) => IsCore(around, cells, cell)).length >= LeastCore;
            if (isWide || (patch.length >= LeastBeside && patch.every((cell) => beside[cell] === 1))) {
                patch.forEach((cell) => (found[cell] = 1));
            }
        }
    }
    return found;
}

/**
 * Collars: small patches of hair that lie between clothes and skin and hang on no hair above the ears.
 * @param kind [rows,columns] of the person: 1 hair, 2 skin, 3 clothes; 0 elsewhere
 * @param ears row, in cells
 * @param chin column; what crosses it may be a beard
 */
function* Loose(kind: Uint8Array, cells: ICells, ears: number, chin: number): Iterable<number> {
    const hairy = kind.map((value) => Number(value === 1));
    const seen = new Uint8Array(kind.length);
    for (let start = 0; start < kind.length; start++) {
        if (hairy[start] === 0 || seen[start] === 1) {
            continue;
        }
        const patch = PatchAt(hairy, seen, start, cells);
        const isHanging = patch.some((cell) => Math.floor(cell / cells.columns) < ears);
        if (patch.length > MostLoose || isHanging || patch.some((cell) => cell % cells.columns === chin)) {
            continue;
        }
        const around = Array.from(new Set(patch.flatMap((cell) => Beside(cell, cells))), (cell) => kind[cell]);
        const dressed = around.filter((value) => value === 3).length;
        const bare = around.filter((value) => value === 2).length;
        if (dressed > 0 && dressed >= LeastDressed * (dressed + bare)) {
            yield* patch;
        }
    }
}

/** Share of a pixel from cells, with a soft edge: means with weights 1, 2, 1, then bilinear. */
function SmoothShare(on: Uint8Array, cells: ICells): PixelShare {
    const { rows, columns, edge } = cells;
    if (!on.includes(1)) {
        return () => 0;
    }
    let values = Float64Array.from(Carried(on, cells));
    for (const step of [columns, 1]) {
        values = values.map((value, cell) => {
            const [place, n] = step === 1 ? [cell % columns, columns] : [Math.floor(cell / columns), rows];
            const before = place > 0 ? values[cell - step] : value;
            const after = place < n - 1 ? values[cell + step] : value;
            return (before + 2 * value + after) / 4;
        });
    }
    return (x, y) => {
        const column = Clamp((x + 0.5) / edge - 0.5, 0, columns - 1);
        const row = Clamp((y + 0.5) / edge - 0.5, 0, rows - 1);
        const [c0, r0] = [Math.floor(column), Math.floor(row)];
        const [c1, r1] = [Math.min(c0 + 1, columns - 1), Math.min(r0 + 1, rows - 1)];
        const of = (r: number): number =>
            values[r * columns + c0] * (1 - (column - c0)) + values[r * columns + c1] * (column - c0);
        return Ramp(of(r0) * (1 - (row - r0)) + of(r1) * (row - r0), 0.35, 0.65);
    };
}

/** Share 0..1 of a pixel. */
export type PixelShare = (x: number, y: number) => number;

/** What was found. */
export interface IFoundClothes {
    /** What is not what a network took it for; null where nothing is told. */
    readonly wrong: {
        /** Clothes, not hair or skin. */
        readonly worn: PixelShare;
        /** A beard, not clothes. */
        readonly beard: PixelShare;
        /** Background, not hair. */
        readonly behind: PixelShare;
    } | null;
    /** Whether what the matte keeps of a pixel, and no class wants, looks like the background: 0..1. */
    readonly scenic: PixelShare;
    /** Whether what seems to be clothes is background that the matte kept: little, and of its colors. */
    readonly isScene: boolean;
}

/**
 * Finds clothes where from the photo's lower edge upwards nothing looks like the hair above the ears or the skin of the
 * face; background in hair that the matte is not sure of; and a beard in clothes.
 * @param matte [H,W] 0..1
 * @param classes [H,W,3] 0..1 hair, skin, clothes
 * @returns yields the share done
 */
export function* FindClothes(
    source: IBustPhoto,
    matte: Float32Array,
    classes: Float32Array,
    { ears, mouth, chin, beard }: IRows,
): Work<IFoundClothes> {
    const cells = CellsOf(source, matte, classes);
    yield 0.2;
    const { edge, columns, color, inside } = cells;
    const count = cells.matte.length;
    const rowOf = (cell: number): number => Math.floor(cell / columns);
    const [hair, skin, clothes] = [0, 1, 2].map((k) => cells.matte.map((_, cell) => cells.classes[3 * cell + k]));
    const isSure = (cell: number): boolean => inside[cell] > Sure && cells.matte[cell] > Sure;
    const isPerson = (cell: number): boolean => inside[cell] >= 0.5 && cells.matte[cell] >= 0.5;
    const scene = ColorsWhere(
        cells,
        (cell) => inside[cell] > Sure && cells.matte[cell] < 1 - Sure && rowOf(cell) > ears / edge,
    );
    const rest = cells.matte.map((_, cell) =>
        Number(
            isPerson(cell) &&
                Math.max(hair[cell], skin[cell], clothes[cell]) < 0.5 &&
                rowOf(cell) > ears / edge &&
                Alike(color, 3 * cell, scene, LightOnHair) >= LeastShare,
        ),
    );
    const scenic = SmoothShare(Uint8Array.from(rest), cells);
    yield 0.35;
    const top = Math.floor(ears / edge);
    const locks = ColorsWhere(cells, (cell) => isSure(cell) && hair[cell] > Sure && rowOf(cell) < top);
    if (locks.length < 3 * LeastCells) {
        return { wrong: null, scenic, isScene: false };
    }
    const face = ColorsWhere(
        cells,
        (cell) => isSure(cell) && skin[cell] > Sure && rowOf(cell) >= top && rowOf(cell) <= mouth / edge,
    );
    const behind = yield* Within(FindBehind(cells, scene, locks, ears / edge), 0.35, 0.45);
    behind.forEach((value, cell) => (cells.matte[cell] *= 1 - value));
    const [strange, dressed, beside] = [new Uint8Array(count), new Uint8Array(count), new Uint8Array(count)];
    const [bearded, hung] = [new Uint8Array(count), new Uint8Array(count)];
    const asked: { cell: number; skin: number }[] = [];
    for (let cell = 0; cell < count; cell++) {
        const [row, column] = [rowOf(cell), cell % columns];
        const off = Math.abs((column + 0.5) * edge - beard[0]);
        beside[cell] = Number(off > NeckTimes * beard[2]);
        if (!isPerson(cell) || row <= mouth / edge) {
            continue;
        }
        dressed[cell] = Number(clothes[cell] > Math.max(hair[cell], skin[cell]));
        const isBeard = (off / beard[2]) ** 2 + (((row + 0.5) * edge - beard[1]) / beard[3]) ** 2 < 1;
        hung[cell] = Number(dressed[cell] === 1 && isBeard);
        const isHairy = hair[cell] > Math.max(skin[cell], clothes[cell]);
        const isBare = skin[cell] >= Math.max(hair[cell], clothes[cell]);
        if (!isHairy && !isBare) {
            continue;
        }
        const likeHair = Alike(color, 3 * cell, locks, LightOnHair);
        const likeSkin = isBare ? Alike(color, 3 * cell, face, LightOnSkin) : 0;
        asked.push({ cell, skin: likeSkin });
        const isMiddle = isBeard && off < BeardMiddle * beard[2] && row < chin / edge;
        bearded[cell] = Number(isSure(cell) && isBare && isMiddle && likeSkin < LeastShare);
        // a beard is unlike the hair above the ears, and what the matte took of the background is no garment
        const isUnlike = likeHair < LeastShare && (isHairy || (likeSkin < LeastShare && row > chin / edge));
        const isStrange = !isBeard && isUnlike;
        if (isStrange && Alike(color, 3 * cell, scene, LightOnScene) < LeastShare) {
            strange[cell] = 1;
            beside[cell] *= Number(likeHair < NotAtAll);
        }
        if (asked.length % AtOnce === 0) {
            yield 0.5;
        }
    }
    yield 0.7;
    const beards = ColorsWhere(cells, (cell) => bearded[cell] === 1);
    const isBearded = bearded.filter((value) => value === 1).length >= LeastBeard;
    hung.forEach((value, cell) => {
        hung[cell] = Number(value === 1 && isBearded && Alike(color, 3 * cell, beards, LightOnHair) >= LeastShare);
    });
    const hangs = PatchesWhere(dressed, cells, (patch) => 2 * patch.filter((cell) => hung[cell]).length > patch.length);
    hangs.forEach((value, cell) => (dressed[cell] *= 1 - value));
    yield 0.75;
    const body = strange.map((value, cell) => Math.max(value, dressed[cell]));
    let found = FromBelow(Supported(body, cells), cells, beside);
    const known = ColorsWhere(cells, (cell) => isSure(cell) && (found[cell] === 1 || dressed[cell] === 1));
    if (known.length >= 3 * LeastClothes) {
        for (const { cell, skin: likeSkin } of asked) {
            const own = Math.max(Alike(color, 3 * cell, locks, NearLight), likeSkin);
            const clothing = Alike(color, 3 * cell, known, NearLight);
            body[cell] = Math.max(body[cell], Number(clothing > Math.max(LeastShare, MoreAlike * own)));
        }
        yield 0.9;
        found = FromBelow(Supported(body, cells), cells, beside);
    }
    const kind = found.map((value, cell) => {
        const isDressed = hangs[cell] === 0 && (value === 1 || clothes[cell] > Math.max(hair[cell], skin[cell]));
        return !isPerson(cell) ? 0 : isDressed ? 3 : hair[cell] > skin[cell] ? 1 : 2;
    });
    for (const cell of Loose(kind, cells, ears / edge, Math.floor(beard[0] / edge))) {
        found[cell] = 1;
    }
    const worn = Array.from(kind.keys()).filter((cell) => kind[cell] === 3 || found[cell] === 1);
    const around = ColorsWhere(cells, (cell) => inside[cell] > Sure && cells.matte[cell] < 1 - Sure);
    const alike = worn.filter((cell) => Alike(color, 3 * cell, around, LightOnScene) >= LeastShare).length;
    return {
        wrong: {
            worn: SmoothShare(
                found.map((value, cell) => Number(value === 1 && dressed[cell] === 0)),
                cells,
            ),
            beard: SmoothShare(hangs, cells),
            behind: SmoothShare(behind, cells),
        },
        scenic,
        isScene: worn.length < MostScene && alike > SceneShare * worn.length,
    };
}

/**
 * Cells of hair below the ears that the matte is not sure of, and that look like the background or are blended with it,
 * but not like the hair above.
 * @param ears row, in cells
 */
function* FindBehind(cells: ICells, scene: Float64Array, locks: Float64Array, ears: number): Work<Uint8Array> {
    const { columns, rows, color, classes, matte, inside } = cells;
    const found = new Uint8Array(matte.length);
    if (scene.length < 3 * LeastCells) {
        return found;
    }
    for (let row = Math.floor(ears) + 1, n = 0; row < rows; row++) {
        for (let cell = row * columns; cell < (row + 1) * columns; cell++) {
            const [hair, skin, clothes] = classes.subarray(3 * cell, 3 * cell + 3);
            if (inside[cell] < 0.5 || matte[cell] < 0.5 || hair <= Math.max(skin, clothes)) {
                continue;
            }
            if (matte[cell] < Blended || Alike(color, 3 * cell, scene, LightOnScene) >= LeastShare) {
                found[cell] = Number(Alike(color, 3 * cell, locks, LightOnHair) < LeastShare);
            }
            if (++n % AtOnce === 0) {
                yield row / rows;
            }
        }
    }
    return PatchesWhere(Supported(found, cells), cells, (patch) => {
        const mean = patch.reduce((sum, cell) => sum + matte[cell], 0) / patch.length;
        return patch.length >= LeastBehind && mean < KeptBehind;
    });
}
