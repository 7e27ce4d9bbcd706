/**
 * Clothes that a network took for hair: collars, scarves and coats beside long hair. Twin: training/bust/garment.py.
 */
import type { IBustPhoto } from "./bustInput.js";
import { Clamp } from "./grids.js";

/** Edge of a cell, in parts of the crop's side. */
const CellShare = 0.01;
/** Light and shade on hair: as many times as bright as where it is sure. */
const [Darkest, Brightest] = [0.6, 1.5];
/** Distance of colors from which they are not alike, 0..1 a channel. */
const Unlike = 0.08;
/** A color of which the sure hair has fewer than so many parts is not hair. */
const LeastShare = 0.1;
/** Cells of sure hair without which nothing is told. */
const LeastCells = 30;
/** What a cell must have of hair and person to be sure. */
const Sure = 0.8;

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

/** Whether a color is that of sure hair, in more light or less. */
function IsAlike(color: Float64Array, at: number, sure: Float64Array): boolean {
    const [r, g, b] = [color[at], color[at + 1], color[at + 2]];
    const enough = (LeastShare * sure.length) / 3;
    let alike = 0;
    for (let k = 0; k < sure.length && alike < enough; k += 3) {
        const [x, y, z] = [sure[k], sure[k + 1], sure[k + 2]];
        const light = Clamp((r * x + g * y + b * z) / Math.max(x * x + y * y + z * z, 1e-6), Darkest, Brightest);
        const away = (r - light * x) ** 2 + (g - light * y) ** 2 + (b - light * z) ** 2;
        alike += away < Unlike ** 2 ? 1 : 0;
    }
    return alike >= enough;
}

/**
 * Makes clothes of what is classed as hair, where from the photo's lower edge upwards nothing looks like the hair that
 * is seen above the ears.
 * @param matte [H,W] 0..1
 * @param classes [H,W,3] 0..1 hair, skin, clothes; changed
 * @param ears row of the ears
 * @param collar row up to which a collar may reach
 */
export function ClothesOfHair(
    source: IBustPhoto,
    matte: Float32Array,
    classes: Float32Array,
    ears: number,
    collar: number,
): void {
    const cells = CellsOf(source, matte, classes);
    const { edge, columns, rows } = cells;
    const sure: number[] = [];
    for (let cell = 0; cell < Math.min(rows, Math.floor(ears / edge)) * columns; cell++) {
        if (cells.inside[cell] > Sure && cells.matte[cell] > Sure && cells.classes[3 * cell] > Sure) {
            sure.push(...cells.color.subarray(3 * cell, 3 * cell + 3));
        }
    }
    if (sure.length < 3 * LeastCells) {
        return;
    }
    const hair = Float64Array.from(sure);
    for (let column = 0; column < columns; column++) {
        let isInPhoto = false;
        for (let row = rows - 1; row > collar / edge; row--) {
            const cell = row * columns + column;
            if (!isInPhoto && cells.inside[cell] < 0.5) {
                continue;
            }
            isInPhoto = true;
            const [own, skin, clothes] = cells.classes.subarray(3 * cell, 3 * cell + 3);
            if (cells.matte[cell] < 0.5 || skin > Math.max(own, clothes)) {
                break;
            }
            if (own > clothes) {
                if (IsAlike(cells.color, 3 * cell, hair)) {
                    break;
                }
                Dress(source, classes, cells, row, column);
            }
        }
    }
}

/** The hair of a cell is clothes. */
function Dress(
    { width, height }: IBustPhoto,
    classes: Float32Array,
    { edge }: ICells,
    row: number,
    column: number,
): void {
    for (let y = row * edge; y < Math.min(height, (row + 1) * edge); y++) {
        for (let x = column * edge; x < Math.min(width, (column + 1) * edge); x++) {
            const i = 3 * (y * width + x);
            classes[i + 2] = Math.max(classes[i + 2], classes[i]);
            classes[i] = 0;
        }
    }
}
