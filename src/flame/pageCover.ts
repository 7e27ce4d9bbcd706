/**
 * What a person's hair and bust hide for good, from wherever the head is seen: Gaussians of the head under the hair, the
 * end of its neck where the bust goes on up around it, and Gaussians of the hair's inner layer that are inside the head.
 * Places are told by their direction from the middle of the hair's dome, in bins of 2°.
 */
import { JointCount, type HeadModel } from "./headModel.js";
import { InnerSuffix, PartOfRegion, RegionOfGaussian, RestPlaces, type PageModel } from "./pageModel.js";
import { OpenRegion, type TexelTable } from "./texelTable.js";

/** Bins of directions, from above to below and around, and their size in radians. */
const [Rows, Columns] = [90, 180];
const Bin = Math.PI / Rows;
/** Points per edge of a square of four texels, so that every bin that it meets is found. */
const Points = 3;
/** The logit of an opacity of 0.88: a texel that closes the shell. */
const ClosedLogit = 2;
/** Meters by which the shell must be farther out, and by which it must go on around the place, */
const [LeastGap, Margin] = [0.001, 0.008];
/** and how much more of it for each meter between them: glances go in at 60° past its edge. */
const Slope = 1.7;
/** Largest difference of the torso's shares: what moves apart when the head turns does not hide. */
const SameShare = 0.15;
/** Meters that the inner layer may stand off the head, and still nothing looks between. */
const OffHead = 0.002;
/** Parts of the head that a shell hides, and that are solid where the logit is above that of an opacity of 0.4. */
const HiddenRegions: readonly string[] = ["face", "scalp", "neck", "ears"];
const SolidLogit = Math.log(0.4 / 0.6);
/** Joints that move with the torso at rest (hangingPage.ts). */
const [Torso, Lying] = [0, 3];

/** Meters above the plane that closes the neck: up to there it is left to the bust, */
const NeckEnd = 0.014;
/** if that reaches between these heights, */
const Collar = [0.014, 0.022] as const;
/** told in so many bins around the neck. */
const Around = 72;

/** Gaussians with a map, [14,H,W] before activation. */
export interface ICoverPart {
    readonly model: HeadModel;
    readonly table: TexelTable;
    readonly map: ArrayLike<number>;
}

/** What need not be drawn while hair or bust are shown. */
export interface IPageCover {
    /** [n] 1 for the head's Gaussians that the hair's shell hides. */
    readonly head: Uint8Array;
    /** [n] 1 for the head's Gaussians that the bust takes the place of. */
    readonly neck: Uint8Array;
    /** [n] 1 for the page's Gaussians that are inside the head. */
    readonly page: Uint8Array;
}

/**
 * Finds what is hidden at rest. Yields the share done, in steps of some 30 ms.
 * @param fill numbers of the page
 * @param page with the table of all its texels
 */
export function* FindPageCover(
    head: ICoverPart,
    page: ICoverPart,
    fill: NonNullable<PageModel["fill"]>,
): Generator<number, IPageCover, void> {
    const { dome } = fill;
    const [own, other] = [head, page].map((part) => ({
        ...part,
        places: RestPlaces(part.model, part.table, part.map),
    }));
    yield 0.2;
    const shell = FindShell(other, dome);
    yield 0.5;
    const hidden = UnderShell(own, shell, dome);
    yield 0.8;
    return { head: hidden, neck: InsideBust(own, other, fill), page: InsideHead(own, other, dome) };
}

/** With places at rest, [n,3]. */
interface IPlaced extends ICoverPart {
    readonly places: Float32Array;
}

/** Of each bin: the shell's least distance (infinite where it is open), and the torso's least and most share. */
interface IShell {
    readonly radius: Float32Array;
    readonly least: Float32Array;
    readonly most: Float32Array;
}

/** A direction. Reused, so that nothing is allocated. */
const Seen = { radius: 0, bin: 0 };

function Look(places: ArrayLike<number>, at: number, dome: readonly number[]): typeof Seen {
    const [x, y, z] = [places[at] - dome[0], places[at + 1] - dome[1], places[at + 2] - dome[2]];
    Seen.radius = Math.hypot(x, y, z);
    const row = Math.floor(Math.acos(y / Seen.radius) / Bin);
    const column = Math.floor((Math.atan2(x, z) + Math.PI) / Bin);
    Seen.bin = Math.min(row, Rows - 1) * Columns + Math.min(column, Columns - 1);
    return Seen;
}

function FindShell(page: IPlaced, dome: readonly number[]): IShell {
    const radius = new Float32Array(Rows * Columns).fill(Infinity);
    const least = new Float32Array(radius.length).fill(Infinity);
    const most = new Float32Array(radius.length).fill(-Infinity);
    const [point, corner] = [new Float64Array(4), new Float64Array(16)];
    for (const square of Squares(page)) {
        corner.set(square);
        for (let i = 0; i < Points * Points; i++) {
            const [right, down] = [(i % Points) / Points, Math.floor(i / Points) / Points];
            for (let k = 0; k < 4; k++) {
                const top = corner[k] * (1 - right) + corner[4 + k] * right;
                point[k] = top * (1 - down) + (corner[8 + k] * (1 - right) + corner[12 + k] * right) * down;
            }
            const { radius: distance, bin } = Look(point, 0, dome);
            radius[bin] = Math.min(radius[bin], distance);
            least[bin] = Math.min(least[bin], point[3]);
            most[bin] = Math.max(most[bin], point[3]);
        }
    }
    return { radius, least, most };
}

function UnderShell(head: IPlaced, { radius, least, most }: IShell, dome: readonly number[]): Uint8Array {
    const reach = ReachOf(radius);
    const { model, table, places } = head;
    const hides = model.regions.map((region) => HiddenRegions.includes(region));
    return Uint8Array.from({ length: table.gaussianCount }, (_, g) => {
        const { radius: distance, bin } = Look(places, 3 * g, dome);
        const gap = radius[bin] - distance;
        const torso = table.weights[JointCount * g + Torso];
        return Number(
            hides[RegionOfGaussian(table, g)] &&
                gap > LeastGap &&
                reach[bin] * distance >= Slope * gap + Margin &&
                torso - least[bin] < SameShare &&
                most[bin] - torso < SameShare,
        );
    });
}

/** Squares of four texels that close the shell: [16] of each corner x, y, z and the torso's share. */
function* Squares({ model, table, map, places }: IPlaced): Generator<Float64Array> {
    const { gaussianOfTexel, mapSize, texel, weights } = table;
    const isShell = model.regions.map((region) => model.regions.includes(`${region}${InnerSuffix}`));
    const square = new Float64Array(16);
    const logits = Array.prototype.slice.call(map, 3 * mapSize * mapSize, 4 * mapSize * mapSize) as number[];
    for (let g = 0; g < table.gaussianCount; g++) {
        const region = RegionOfGaussian(table, g);
        if (!isShell[region] || (texel[g] + 1) % mapSize === 0) {
            continue;
        }
        let isClosed = true;
        for (let k = 0; k < 4; k++) {
            const c = gaussianOfTexel[texel[g] + (k & 1) + mapSize * (k >> 1)] ?? -1;
            isClosed &&= c >= 0 && RegionOfGaussian(table, c) === region && logits[texel[c]] > ClosedLogit;
            if (isClosed) {
                for (let axis = 0; axis < 3; axis++) {
                    square[4 * k + axis] = places[3 * c + axis];
                }
                square[4 * k + 3] = weights[JointCount * c + Torso] + weights[JointCount * c + Lying];
            }
        }
        if (isClosed) {
            yield square;
        }
    }
}

/** [bins] how far the shell goes on around each at least, radians. */
function ReachOf(radius: Float32Array): Float32Array {
    const reach = radius.map((value) => (value < Infinity ? Infinity : 0));
    const shrink = (row: number, column: number, from: number, to: number): void => {
        // Meridians come together above and below; a step aside is never worth more than one down.
        const aside = Math.max(Math.sin((row + 0.5) * Bin) * Bin, 1e-3);
        const at = row * Columns + column;
        const beside = row * Columns + ((column + from + Columns) % Columns);
        reach[at] = Math.min(reach[at], reach[beside] + aside);
        for (let step = -1; step <= 1; step++) {
            const other = (row + to) * Columns + ((column + step + Columns) % Columns);
            reach[at] = Math.min(reach[at], (reach[other] ?? Infinity) + Bin);
        }
    };
    for (let round = 0; round < 3; round++) {
        for (let i = 0; i < reach.length; i++) {
            shrink(Math.floor(i / Columns), i % Columns, -1, -1);
        }
        for (let i = reach.length - 1; i >= 0; i--) {
            shrink(Math.floor(i / Columns), i % Columns, 1, 1);
        }
    }
    return reach;
}

/** The neck ends in splats that stand out of the collar, raggedly; the bust has the same colors there. */
function InsideBust(head: IPlaced, page: IPlaced, { ring, pivot }: NonNullable<PageModel["fill"]>): Uint8Array {
    const look = (places: ArrayLike<number>, g: number): { above: number; bin: number } => {
        const [x, y, z] = [0, 1, 2].map((axis) => places[3 * g + axis]);
        const turn = Math.atan2(x - pivot[0], z - pivot[2]) / (2 * Math.PI) + 0.5;
        return { above: y - (ring[0] - ring[1] * z), bin: Math.min(Math.floor(turn * Around), Around - 1) };
    };
    const isClosed = new Uint8Array(Around);
    const isBust = page.model.regions.map((region) => PartOfRegion(region) === "bust");
    const { texel, mapSize } = page.table;
    for (let g = 0; g < page.table.gaussianCount; g++) {
        if (isBust[RegionOfGaussian(page.table, g)] && page.map[3 * mapSize * mapSize + texel[g]] > ClosedLogit) {
            const { above, bin } = look(page.places, g);
            isClosed[bin] |= Number(above > Collar[0] && above < Collar[1]);
        }
    }
    const neck = head.model.regions.indexOf(OpenRegion);
    return Uint8Array.from({ length: head.table.gaussianCount }, (_, g) => {
        if (RegionOfGaussian(head.table, g) !== neck) {
            return 0;
        }
        const { above, bin } = look(head.places, g);
        return Number(above < NeckEnd && isClosed[bin] === 1);
    });
}

function InsideHead(head: IPlaced, page: IPlaced, dome: readonly number[]): Uint8Array {
    const skin = new Float32Array(Rows * Columns);
    const solid = head.model.regions.map((region) => HiddenRegions.includes(region));
    const { gaussianCount, texel, mapSize } = head.table;
    for (let g = 0; g < gaussianCount; g++) {
        if (solid[RegionOfGaussian(head.table, g)] && head.map[3 * mapSize * mapSize + texel[g]] > SolidLogit) {
            const { radius, bin } = Look(head.places, 3 * g, dome);
            skin[bin] = Math.max(skin[bin], radius);
        }
    }
    const isInner = page.model.regions.map((region) => region.endsWith(InnerSuffix));
    return Uint8Array.from({ length: page.table.gaussianCount }, (_, g) => {
        if (!isInner[RegionOfGaussian(page.table, g)]) {
            return 0;
        }
        const { radius, bin } = Look(page.places, 3 * g, dome);
        const [row, column] = [Math.floor(bin / Columns), bin % Columns];
        let least = Infinity;
        for (let i = 0; i < 9; i++) {
            const near = Math.min(Math.max(row + Math.floor(i / 3) - 1, 0), Rows - 1);
            least = Math.min(least, skin[near * Columns + ((column + (i % 3) - 1 + Columns) % Columns)]);
        }
        return Number(radius < least + OffHead);
    });
}
