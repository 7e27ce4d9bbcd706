/**
 * Twin of packStatic.wgsl and packDelta.wgsl: what a map is after it went through an avatar's packed attributes and
 * back.
 */
import { HalfFromNumber, HalfLargest, NumberFromHalf } from "../format/half.js";
import {
    DeltaBits,
    DeltaLogScaleReach,
    DeltaOffsetReach,
    LogScaleMiddle,
    MapChannels,
    NeverVisible,
    OffsetReach,
} from "../layout.js";

type Round = (value: number) => number;

const Half: Round = (value) => NumberFromHalf(HalfFromNumber(Math.min(HalfLargest, Math.max(-HalfLargest, value))));
/** Nearest of `steps` steps between 0 and `reach`, both ways. */
const Steps =
    (steps: number, reach: number): Round =>
    (value) =>
        (reach * Math.round(steps * Math.min(1, Math.max(-1, value / reach)))) / steps;

/** How each channel of docs/conventions.md, "Maps", is rounded. */
const StaticChannels: readonly Round[] = [
    ...Array<Round>(3).fill(Steps(32767, OffsetReach)),
    ...Array<Round>(4).fill(Half),
    ...Array<Round>(3).fill((value) => LogScaleMiddle + Half(value - LogScaleMiddle)),
    ...Array<Round>(4).fill(Half),
];
const DeltaChannels: readonly Round[] = [
    ...Array<Round>(3).fill(Steps(32767, DeltaOffsetReach)),
    Half,
    ...Array<Round>(3).fill(Steps(DeltaBits, 1)),
    ...Array<Round>(3).fill(Steps(DeltaBits, DeltaLogScaleReach)),
    ...Array<Round>(4).fill(Steps(127, 1)),
];

/** A static map [14,H,W] as avatars hold it. */
export function RoundStaticMap(map: ArrayLike<number>): Float32Array<ArrayBuffer> {
    return RoundMap(map, StaticChannels);
}

/** A delta map [14,H,W] as avatars hold it. */
export function RoundDeltaMap(map: ArrayLike<number>): Float32Array<ArrayBuffer> {
    return RoundMap(map, DeltaChannels);
}

/** A texel with a number that is none gets an opacity that is never seen. */
function RoundMap(map: ArrayLike<number>, channels: readonly Round[]): Float32Array<ArrayBuffer> {
    const texels = map.length / MapChannels;
    const rounded = new Float32Array(map.length);
    for (let t = 0; t < texels; t++) {
        let isBroken = false;
        for (let c = 0; c < MapChannels; c++) {
            const value = map[c * texels + t];
            isBroken ||= !Number.isFinite(value);
            rounded[c * texels + t] = Number.isFinite(value) ? channels[c](value) : 0;
        }
        if (isBroken) {
            rounded[3 * texels + t] = NeverVisible;
        }
    }
    return rounded;
}
