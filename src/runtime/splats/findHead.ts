/**
 * Finds the head in a file of Gaussians whose axes and units nobody knows: draws it from all sides until the face
 * detector sees a face, takes the landmarks' depths from the picture, and fits them to the head model's own.
 */
import { FlexAvatarError, ThrowIfAborted } from "../../flame/error.js";
import { FitSimilarity, type ISimilarity } from "../../flame/fit/similarity.js";
import type { HeadModel } from "../../flame/headModel.js";
import { MappedMediaPipeLandmarks, MediaPipeLandmarks } from "../../flame/landmarks.js";
import type { ICallOptions } from "../models/progress.js";
import type { IFaceFinder } from "../photo/faceFinder.js";
import { DrawGaussians, type IDrawing, type ISight } from "./drawGaussians.js";
import { TakeGaussians, type IGaussians } from "./gaussians.js";

/** Gaussians that are drawn. */
const MostDrawn = 100_000;
/** Fainter ones are fog. */
const LeastOpacity = 0.2;
/** Meters; a fit that is worse is no face. */
const LargestResidual = 0.008;
/** Share of the landmarks that must lie on something. */
const LeastCovered = 0.7;
/** Times that the found face is looked at straight. */
const Looks = 2;
/** Meters to each side of a face that is looked at. */
const LookReach = 0.17;
/** Share of the Gaussians that the first pictures show, and how much around them. */
const [Shown, Around] = [0.95, 1.1];

/** Rows: right, up and towards the eye, in the file's axes. The usual ones first. */
function Sides(): number[][] {
    const axes = [1, 2, 0].flatMap((axis) => [1, -1].map((sign) => [0, 1, 2].map((k) => (k === axis ? sign : 0))));
    const sides: { rows: number[]; rank: number }[] = [];
    axes.forEach((up, i) =>
        axes.forEach((eye, k) => {
            const right = [0, 1, 2].map((a) => up[(a + 1) % 3] * eye[(a + 2) % 3] - up[(a + 2) % 3] * eye[(a + 1) % 3]);
            if (right.some((value) => value !== 0)) {
                // +Y up and +Z to the eye, then -Y and -Z as cameras of 3D Gaussian Splatting have them
                const rank = i === 0 && k === 2 ? 0 : i === 1 && k === 3 ? 1 : 2 + i + k / 10;
                sides.push({ rows: [...right, ...up, ...eye], rank });
            }
        }),
    );
    return sides.sort((a, b) => a.rank - b.rank).map(({ rows }) => rows);
}

/**
 * @param gaussians in the file's axes
 * @param finder borrowed
 * @returns from the file's axes to canonical space
 * @throws FlexAvatarError `splats-no-head`, `aborted` and those of the networks
 */
export async function FindHeadAsync(
    gaussians: IGaussians,
    head: HeadModel,
    finder: Pick<IFaceFinder, "findFacesAsync">,
    options: ICallOptions = {},
): Promise<ISimilarity> {
    const drawn = Visible(gaussians);
    const { center, reach } = Surroundings(drawn);
    for (const rows of Sides()) {
        ThrowIfAborted(options.signal, "looking for the head");
        let found = await LookAsync(drawn, head, finder, { rows, center, reach, sizePx: 256 }, options);
        for (let look = 0; found && look < Looks; look++) {
            const { rotation, scale, translation } = found;
            // Where the head model's origin is in the file.
            const middle = [0, 1, 2].map(
                (axis) => -[0, 1, 2].reduce((sum, row) => sum + rotation[3 * row + axis] * translation[row], 0) / scale,
            );
            const sight = { rows: rotation, center: middle, reach: LookReach / scale, sizePx: 384 };
            found = await LookAsync(drawn, head, finder, sight, options);
        }
        if (found) {
            return found;
        }
    }
    throw new FlexAvatarError("splats-no-head", "No face was found in the file of Gaussians, from whatever side.");
}

async function LookAsync(
    drawn: IGaussians,
    head: HeadModel,
    finder: Pick<IFaceFinder, "findFacesAsync">,
    sight: ISight,
    options: ICallOptions,
): Promise<ISimilarity | null> {
    const drawing = DrawGaussians(drawn, sight);
    const faces = await finder.findFacesAsync(drawing.picture, options);
    const model = MediaPipeLandmarks(head, head.template);
    const mapped = MappedMediaPipeLandmarks(head);
    let best: { similarity: ISimilarity; residual: number } | null = null;
    for (const face of faces) {
        const from: number[] = [];
        const to: number[] = [];
        for (const landmark of mapped) {
            const place = PlaceAt(drawing, sight, face[3 * landmark], face[3 * landmark + 1]);
            if (place) {
                from.push(...place);
                to.push(...model.subarray(3 * landmark, 3 * landmark + 3));
            }
        }
        const fit = from.length >= 3 * LeastCovered * mapped.length ? FitSimilarity(from, to) : null;
        if (fit && fit.residual < LargestResidual && fit.residual < (best?.residual ?? Infinity)) {
            best = fit;
        }
    }
    return best?.similarity ?? null;
}

/** Where the surface is at a point of the picture, or null where there is none. */
function PlaceAt(
    { picture: { width, height }, depth, coverage }: IDrawing,
    { rows, center, reach }: ISight,
    x: number,
    y: number,
): number[] | null {
    const [column, row] = [Math.floor(x * width), Math.floor(y * height)];
    const at = row * width + column;
    if (column < 0 || row < 0 || column >= width || row >= height || coverage[at] < 0.5) {
        return null;
    }
    const local = [(2 * x - 1) * reach, (1 - 2 * y) * reach, depth[at] / coverage[at]];
    return center.map(
        (value, axis) => value + local[0] * rows[axis] + local[1] * rows[3 + axis] + local[2] * rows[6 + axis],
    );
}

/** Those that are no fog. Of very many an even part, which covers as much as all. */
function Visible(gaussians: IGaussians): IGaussians {
    const { count, opacities } = gaussians;
    const kept = Array.from({ length: count }, (_, i) => i).filter((i) => opacities[i] >= LeastOpacity);
    const step = Math.max(1, kept.length / MostDrawn);
    const some = Array.from({ length: Math.min(kept.length, MostDrawn) }, (_, i) => kept[Math.floor(i * step)]);
    const taken = TakeGaussians(gaussians, some);
    taken.sizes.forEach((size, i) => (taken.sizes[i] = size * Math.sqrt(step)));
    return taken;
}

/** The median place, and the distance within which most others are. */
function Surroundings({ count, places }: IGaussians): { center: number[]; reach: number } {
    const center = [0, 1, 2].map(
        (axis) => Float64Array.from({ length: count }, (_, i) => places[3 * i + axis]).sort()[count >> 1] ?? 0,
    );
    const distances = Float64Array.from({ length: count }, (_, i) =>
        Math.hypot(...center.map((value, axis) => places[3 * i + axis] - value)),
    ).sort();
    return { center, reach: Around * (distances[Math.floor(Shown * count)] ?? 1) || 1 };
}
