// What hair hides for good: a head and a shell around it, both balls about the dome's middle.
import type { HeadModel } from "../../../src/flame/headModel";
import { FindPageCover, type ICoverPart, type IPageCover } from "../../../src/flame/pageCover";
import { ShellFlags } from "../../../src/flame/pageModel";
import {
    InsideFlag,
    OutsideFlag,
    RegionShift,
    ShellFlag,
    TwoSidedFlag,
    type TexelTable,
} from "../../../src/flame/texelTable";
import { Finish } from "../../../src/runtime/slices";

/** All at once. */
function Cover(head: ICoverPart, page: ICoverPart): IPageCover {
    return Finish(FindPageCover(head, page, fill));
}

const dome = [0, 0.02, -0.015] as const;
const fill = { dome, domeShare: 0.3, hairEnd: -0.3, hairDensity: 0, pivot: [0, -0.3, 0], ring: [-0.15, 0.3] };
const size = 64;

/** One Gaussian of a part. */
interface IPoint {
    readonly texel: number;
    readonly region: number;
    readonly place: readonly number[];
    readonly logit: number;
    /** Share of the torso. */
    readonly torso: number;
}

/** Elevation and azimuth (0 behind) in radians. */
function OnBall(radius: number, elevation: number, azimuth: number): number[] {
    const flat = radius * Math.cos(elevation);
    return [
        dome[0] + flat * Math.sin(azimuth),
        dome[1] + radius * Math.sin(elevation),
        dome[2] - flat * Math.cos(azimuth),
    ];
}

/** Each on a vertex of its own. */
function PartOf(regions: readonly string[], points: readonly IPoint[]): ICoverPart {
    const n = points.length;
    const gaussianOfTexel = new Int32Array(size * size).fill(-1);
    const map = new Float32Array(14 * size * size);
    points.forEach(({ texel, logit }, g) => {
        gaussianOfTexel[texel] = g;
        map[3 * size * size + texel] = logit;
    });
    const table: TexelTable = {
        mapSize: size,
        gaussianCount: n,
        texel: Uint32Array.from(points, ({ texel }) => texel),
        face: new Uint16Array(n),
        corners: Uint16Array.from({ length: 3 * n }, (_, i) => Math.floor(i / 3)),
        bary: Float32Array.from({ length: 3 * n }, (_, i) => Number(i % 3 === 0)),
        weights: Float32Array.from(points.flatMap(({ torso }) => [torso, 1 - torso, 0, 0, 0])),
        flags: Uint32Array.from(points, ({ region }) => TwoSidedFlag | (region << RegionShift)),
        gaussianOfTexel,
    };
    const template = Float32Array.from(points.flatMap(({ place }) => place));
    return { model: { regions, template } as unknown as HeadModel, table, map };
}

const HeadRegions = ["scalp", "lips"];
/** A ball of 9 cm, or a part of it behind: every texel a direction. */
function Head(torso = 0, region = 0, part = 1): ICoverPart {
    const along = (index: number): number => 0.5 + part * (index / (size - 1) - 0.5);
    return PartOf(
        HeadRegions,
        Array.from({ length: size * size }, (_, texel) => ({
            texel,
            region,
            place: OnBall(0.09, ...DirectionOf(along(Math.floor(texel / size)), along(texel % size), 2)),
            logit: 4,
            torso,
        })),
    );
}

/** Over all rows from above to below, columns over `turn` half turns, the middle behind. */
function DirectionOf(row: number, column: number, turn: number): [number, number] {
    return [(0.5 - row) * Math.PI, (column - 0.5) * turn * Math.PI];
}

const PageRegions = ["hair", "hairInner"];
/** The back half of a shell of 10 cm in the upper half of the map, its inner layer in the lower. */
function Page(logitAt: (row: number, column: number) => number = () => 4, inner = 0.088): ICoverPart {
    return PartOf(
        PageRegions,
        Array.from({ length: size * size }, (_, texel) => {
            const [row, column] = [Math.floor(texel / size), texel % size];
            const region = row < size / 2 ? 0 : 1;
            const direction = DirectionOf((row % (size / 2)) / (size / 2 - 1), column / (size - 1), 1);
            return {
                texel,
                region,
                place: OnBall(region === 0 ? 0.1 : inner, ...direction),
                logit: logitAt(row, column),
                torso: 0,
            };
        }),
    );
}

describe("the cover of a page", () => {
    /** Whether the head's Gaussian is covered that is nearest to a direction, in degrees. */
    const isCovered = (cover: Uint8Array, elevation: number, azimuth: number): boolean =>
        cover[Math.round((0.5 - elevation / 180) * (size - 1)) * size + Math.round((azimuth / 360 + 0.5) * size)] > 0;

    it("hides the scalp well inside of closed hair, not at its edge and not where there is none", () => {
        const { head } = Cover(Head(), Page());
        for (const [elevation, azimuth] of [
            [0, 0],
            [0, 60],
            [40, -50],
            [-40, 30],
        ]) {
            expect(isCovered(head, elevation, azimuth))
                .withContext(`${elevation}, ${azimuth}`)
                .toBeTrue();
        }
        for (const [elevation, azimuth] of [
            [0, 86],
            [0, -86],
            [0, 120],
            [0, 170],
            [40, 100],
        ]) {
            expect(isCovered(head, elevation, azimuth))
                .withContext(`${elevation}, ${azimuth}`)
                .toBeFalse();
        }
    });

    it("leaves what is seen through a hole, and a thin place is one", () => {
        for (const logit of [-12, 0]) {
            const hole = Page((row, column) => (row === 16 && Math.abs(column - 32) < 2 ? logit : 4));
            const { head } = Cover(Head(), hole);
            expect(isCovered(head, 0, 0)).toBeFalse();
            expect(isCovered(head, 0, 8)).toBeFalse();
            expect(isCovered(head, 0, 45)).toBeTrue();
        }
    });

    it("leaves lips, and what moves with another joint than the hair", () => {
        expect(Cover(Head(0, 1), Page()).head.some((one) => one > 0)).toBeFalse();
        expect(Cover(Head(0.5), Page()).head.some((one) => one > 0)).toBeFalse();
    });

    it("finds the inner layer that is inside the head, and that alone", () => {
        const near = Head(0, 0, 0.25); // 64 directions in 45 and in 90 degrees
        const inside = Cover(near, Page()).page;
        const isInside = (elevation: number, azimuth: number): boolean =>
            inside[(48 - Math.round((elevation / 180) * 31)) * size + Math.round((azimuth / 180 + 0.5) * 63)] > 0;
        for (const [elevation, azimuth] of [
            [0, 0],
            [15, 35],
            [-15, -35],
        ]) {
            expect(isInside(elevation, azimuth)).withContext(`${elevation}, ${azimuth}`).toBeTrue();
        }
        expect(isInside(40, 0)).toBeFalse(); // no head there
        expect(isInside(0, 60)).toBeFalse();
        expect(inside.subarray(0, 2048).some((one) => one > 0)).toBeFalse();
        expect(Cover(near, Page(undefined, 0.096)).page.some((one) => one > 0)).toBeFalse();
    });
});

describe("the end of the neck", () => {
    /** A tube about the pivot, every row at a height above the ring, every column a direction. */
    const Tube = (region: string, radius: number, isOpen: (turn: number) => boolean = () => false): ICoverPart =>
        PartOf(
            [region],
            Array.from({ length: size * size }, (_, texel) => {
                const turn = (texel % size) / size;
                const [x, z] = [radius * Math.sin(2 * Math.PI * turn), radius * Math.cos(2 * Math.PI * turn)];
                const above = 0.03 - 0.001 * Math.floor(texel / size);
                return {
                    texel,
                    region: 0,
                    place: [x, above - 0.15 - 0.3 * z, z],
                    logit: isOpen(turn) ? -12 : 4,
                    torso: 0,
                };
            }),
        );
    const above = (texel: number): number => 0.03 - 0.001 * Math.floor(texel / size);

    it("is left to the bust where that goes on up around it", () => {
        const { neck, head } = Cover(
            Tube("neck", 0.06),
            Tube("bust", 0.057, (turn) => turn > 0.5),
        );
        for (let texel = 0; texel < size * size; texel++) {
            const turn = (texel % size) / size;
            const isUnderCollar = turn > 0.02 && turn < 0.48 && above(texel) < 0.0135;
            const isFree = (turn > 0.52 && turn < 0.98) || above(texel) > 0.0145;
            expect(isUnderCollar && neck[texel] === 0)
                .withContext(`${texel} is not hidden`)
                .toBeFalse();
            expect(isFree && neck[texel] === 1)
                .withContext(`${texel} is hidden`)
                .toBeFalse();
        }
        expect(head.includes(1)).toBeFalse();
    });

    it("stays without a bust, and other parts of the head do", () => {
        expect(Cover(Tube("neck", 0.06), Tube("hair", 0.057)).neck.includes(1)).toBeFalse();
        expect(Cover(Tube("face", 0.06), Tube("bust", 0.057)).neck.includes(1)).toBeFalse();
    });
});

describe("the sides of a page", () => {
    it("are told by the inner layer: outer hair over it is one-sided, that itself is seen from inside", () => {
        const page = Page((row, column) => (row >= 48 && column < 8 ? -12 : 4));
        const flags = ShellFlags(page.model, page.table, page.map);
        const at = (row: number, column: number): number => flags[row * size + column] & 0xff;
        expect(at(8, 4)).toBe(TwoSidedFlag | ShellFlag | OutsideFlag);
        expect(at(24, 4)).toBe(TwoSidedFlag | ShellFlag); // no inner layer there
        expect(at(24, 20)).toBe(TwoSidedFlag | ShellFlag | OutsideFlag);
        expect(at(40, 20)).toBe(TwoSidedFlag | ShellFlag | InsideFlag);
        expect(flags[40 * size] >>> RegionShift).toBe(1);
        expect(page.table.flags[8 * size + 4]).toBe(TwoSidedFlag); // the table itself stays
    });

    it("are outside for one-sided regions without an inner layer, both for two-sided ones", () => {
        const { model, table, map } = Page();
        const bust = { ...model, regions: ["bust", "hair"] } as HeadModel;
        const oneSided = { ...table, flags: table.flags.map((flags) => flags & ~TwoSidedFlag) };
        expect(ShellFlags(bust, oneSided, map)[0]).toBe(ShellFlag | OutsideFlag);
        expect(ShellFlags(bust, table, map)[0]).toBe(TwoSidedFlag | ShellFlag);
    });
});
