/** What an eye's landmarks say of its gaze depends on how far it is open: behind lids the irises are guessed. */

/** Landmarks of MediaPipe by eye: corners, two pairs of lids over each other, irises. The head's own right and left. */
const Eyes = [
    { side: "Right", corners: [33, 133], lids: [160, 144, 158, 153], iris: 468 },
    { side: "Left", corners: [362, 263], lids: [385, 380, 387, 373], iris: 473 },
] as const;
const IrisPoints = 5;
/** Gap of the lids in widths of the eye: below the first the gaze is not seen, above the second it is. */
const [Shut, Open] = [0.08, 0.25];
/** So strongly the gaze of a shut eye stays where it was, in units of its prior's precision. */
const ShutHold = 100;

interface IEye {
    readonly corners: readonly number[];
    readonly lids: readonly number[];
    /** Indices of its irises among the fit's landmarks. */
    readonly irises: readonly number[];
    /** Indices of its gaze among the expressions. */
    readonly gaze: readonly number[];
}

/** Weighs irises and gaze in each frame. */
export class EyeTrust {
    private readonly _eyes: readonly IEye[];

    /**
     * @param index [L] MediaPipe's index of each landmark of the fit
     * @param names expressions
     */
    public constructor(index: Int32Array, names: readonly string[]) {
        this._eyes = Eyes.map(({ side, corners, lids, iris }) => ({
            corners,
            lids,
            irises: Array.from({ length: IrisPoints }, (_, i) => index.indexOf(iris + i)).filter((at) => at >= 0),
            gaze: names.flatMap((name, e) => (name.startsWith("eyeLook") && name.endsWith(side) ? [e] : [])),
        }));
    }

    /**
     * @param seen [478,2]
     * @param weights [L] receives those of the irises, 0 to 1
     * @param hold [E] receives how strongly each gaze stays where it was, 0 for open eyes
     */
    public look(seen: Float32Array, weights: Float64Array, hold: Float64Array): void {
        for (const { corners, lids, irises, gaze } of this._eyes) {
            const width = Distance(seen, corners[0], corners[1]);
            const gap = (Distance(seen, lids[0], lids[1]) + Distance(seen, lids[2], lids[3])) / 2;
            const x = Math.min(Math.max((gap / width - Shut) / (Open - Shut), 0), 1);
            for (const i of irises) {
                weights[i] = x;
            }
            for (const e of gaze) {
                hold[e] = ShutHold * (1 - x) * (1 - x);
            }
        }
    }
}

function Distance(seen: Float32Array, a: number, b: number): number {
    return Math.hypot(seen[2 * a] - seen[2 * b], seen[2 * a + 1] - seen[2 * b + 1]);
}
