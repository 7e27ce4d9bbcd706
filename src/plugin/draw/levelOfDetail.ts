/**
 * Which level of detail of an avatar a view shows: by the size of its texels on the screen, with hysteresis and a
 * cross-fade.
 */
import { LevelCount, type Level } from "../../flame/levels.js";
import type { ICameraSettings, IPosedBounds } from "../../runtime/passes/index.js";

/** "auto" chooses by size on the screen; a number stays: 0 is the whole map, 1 half its edge, 2 a quarter. */
export type LevelOfDetail = "auto" | 0 | 1 | 2;

/** Pixels between neighbouring Gaussians up to which a coarse level is shown. */
const LargestSpacingPx = 1.5;
/**
 * Pixels between neighbouring Gaussians from which detail for close-ups fades in, and from which all of it is shown.
 */
const CloseUpSpacingPx = { from: 1.75, all: 2.25 };
/** A level must be this share beyond the border to give way, so that nothing flickers there. */
const Hysteresis = 0.1;
/** Milliseconds in which one level goes over into another. */
const FadeMs = 250;
/** Logarithm of the light that a place of the skin lets through, about. */
const Density = 10;
/** Milliseconds out of sight after which the right level is shown at once. */
const ForgottenMs = 1000;

/** The state of one avatar in one view, or in both eyes of a head. */
export class ShownLevel {
    /** What is shown, or on its way in. */
    public level: Level = 0;
    /** What is on its way out, or null. */
    public leaving: Level | null = null;
    /** Of {@link level}, 0..1; the rest is that of {@link leaving}. */
    public share = 1;
    private _frameId = -1;
    private _seenAt = -Infinity;
    private _fadeStart = 0;

    /**
     * Goes on to a frame; again in the same frame, it changes nothing.
     * @param setting what the avatar is told to show
     * @param spacingPx pixels between neighbouring Gaussians of level 0
     */
    public update(setting: LevelOfDetail, spacingPx: number, frameId: number, nowMs: number): void {
        if (frameId === this._frameId) {
            return;
        }
        const isNew = nowMs - this._seenAt > ForgottenMs;
        this._frameId = frameId;
        this._seenAt = nowMs;
        if (this.leaving !== null) {
            const t = Math.min(1, (nowMs - this._fadeStart) / FadeMs);
            this.share = t < 0.5 ? EarlyShare(t) : 1 - EarlyShare(1 - t);
            this.leaving = t === 1 ? null : this.leaving;
        }
        if (this.leaving !== null && !isNew) {
            return; // one change after the other
        }
        const wanted = setting === "auto" ? LevelFor(spacingPx, isNew ? null : this.level) : setting;
        if (isNew) {
            this.leaving = null;
            this.share = 1;
        } else if (wanted !== this.level) {
            this.leaving = this.level;
            this.share = 0;
            this._fadeStart = nowMs;
        }
        this.level = wanted;
    }
}

/**
 * The coarsest level whose Gaussians are near enough to each other on the screen.
 * @param spacingPx pixels between neighbouring Gaussians of level 0
 * @param shown level that is shown, which has an advantage, or null
 */
export function LevelFor(spacingPx: number, shown: Level | null): Level {
    for (let level = LevelCount - 1; level > 0; level--) {
        const advantage = shown === null ? 0 : level > shown ? -Hysteresis : Hysteresis;
        if (spacingPx * 2 ** level <= LargestSpacingPx * (1 + advantage)) {
            return level as Level;
        }
    }
    return 0;
}

/**
 * How much of the detail for close-ups is shown, 0..1.
 * @param spacingPx pixels between neighbouring Gaussians of level 0
 */
export function CloseUpShare(spacingPx: number): number {
    const { from, all } = CloseUpSpacingPx;
    return Math.min(1, Math.max(0, (spacingPx - from) / (all - from)));
}

/**
 * First half of a fade. What hides is exponential in the share, and several Gaussians lie over each other: linear
 * shares would do nearly all in the first and last frames. With these the new level covers the old one evenly in the
 * first half, and the old one goes evenly in the second.
 */
function EarlyShare(t: number): number {
    return -Math.log(1 - 2 * t * (1 - Math.exp(-Density / 2))) / Density;
}

/**
 * Pixels that a meter of an avatar takes in the middle of its box; Infinity if the camera is in the box or too near to
 * tell.
 */
export function PixelsPerMeter(
    camera: ICameraSettings,
    worldFromPosed: ArrayLike<number>,
    { min, max }: IPosedBounds,
): number {
    const { viewFromWorld: v, clipFromView: p, viewportWidthPx, viewportHeightPx } = camera;
    const m = worldFromPosed;
    const x = (min[0] + max[0]) / 2;
    const y = (min[1] + max[1]) / 2;
    const z = (min[2] + max[2]) / 2;
    const worldX = m[0] * x + m[4] * y + m[8] * z + m[12];
    const worldY = m[1] * x + m[5] * y + m[9] * z + m[13];
    const worldZ = m[2] * x + m[6] * y + m[10] * z + m[14];
    const viewX = v[0] * worldX + v[4] * worldY + v[8] * worldZ + v[12];
    const viewY = v[1] * worldX + v[5] * worldY + v[9] * worldZ + v[13];
    const viewZ = v[2] * worldX + v[6] * worldY + v[10] * worldZ + v[14];
    const w = p[3] * viewX + p[7] * viewY + p[11] * viewZ + p[15];
    // Math.hypot allocates.
    const scale = Math.sqrt(
        Math.max(
            m[0] * m[0] + m[1] * m[1] + m[2] * m[2],
            m[4] * m[4] + m[5] * m[5] + m[6] * m[6],
            m[8] * m[8] + m[9] * m[9] + m[10] * m[10],
        ),
    );
    const diagonal = (max[0] - min[0]) ** 2 + (max[1] - min[1]) ** 2 + (max[2] - min[2]) ** 2;
    const radius = (scale * Math.sqrt(diagonal)) / 2;
    if (!(w > radius * Math.abs(p[11]))) {
        return Infinity;
    }
    const widthPx = Math.sqrt(p[0] * p[0] + p[4] * p[4]) * viewportWidthPx;
    const heightPx = Math.sqrt(p[1] * p[1] + p[5] * p[5]) * viewportHeightPx;
    const pxPerNdc = Math.max(widthPx, heightPx) / 2;
    return (pxPerNdc * scale) / w;
}
