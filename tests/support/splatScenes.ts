/** Random ellipses, and the two products with their w. */
import type { IEllipses } from "../../src/runtime/refine/projectView";
import { Finish, FinishAsync, type Work } from "../../src/runtime/slices";
import type { ISplatWeights } from "../../src/runtime/refine/weigher";
import { RasterizeReference } from "../../src/runtime/reference/rasterize";
import { Random } from "./gpu";

/** Some ellipses over a picture of odd size, and the same for the slow rasteriser. */
export function RandomScene(
    seed: number,
    count: number,
    size: number,
): { ellipses: IEllipses; colors: Float32Array; reference: Float64Array } {
    const random = Random(seed);
    const colors = Float32Array.from({ length: 3 * count }, random);
    const splats = Array.from({ length: count }, (_, i) => {
        const [a, b, turn] = [1 + 3 * random(), 1 + 3 * random(), Math.PI * random()];
        const [c, s] = [Math.cos(turn), Math.sin(turn)];
        return {
            centerPx: [size * (1.2 * random() - 0.6), size * (1.2 * random() - 0.6)] as const,
            covariancePx: [
                c * c * a * a + s * s * b * b,
                c * s * (a * a - b * b),
                s * s * a * a + c * c * b * b,
            ] as const,
            color: Array.from(colors.subarray(3 * i, 3 * i + 3)),
            alpha: Math.fround(0.1 + 0.85 * random()),
            depth: Math.fround(0.5 + random()),
        };
    });
    const flat = (values: (splat: (typeof splats)[number]) => number[]): Float32Array =>
        Float32Array.from(splats.flatMap(values));
    const ellipses: IEllipses = {
        count,
        center: flat(({ centerPx: [x, y] }) => [size / 2 + x, size / 2 - y]),
        // The picture's y looks down, so that the mixed term changes its sign.
        conic: flat(({ covariancePx: [xx, xy, yy] }) => [yy, xy, xx].map((value) => value / (xx * yy - xy * xy))),
        reach: flat(({ covariancePx: [xx, , yy], alpha }) =>
            [xx, yy].map((value) => Math.sqrt(2 * Math.log(255 * alpha) * value)),
        ),
        opacity: flat(({ alpha }) => [alpha]),
        depth: flat(({ depth }) => [depth]),
        facing: new Float32Array(count).fill(1),
    };
    const backToFront = [...splats].sort((a, b) => b.depth - a.depth);
    return { ellipses, colors, reference: RasterizeReference(backToFront, size, size) };
}

/** [S,S,4] color and coverage, in work that has to wait. */
export async function DrawAsync(weights: ISplatWeights, colors: Float32Array): Promise<Float32Array> {
    return await FinishAsync(Picture(weights, colors));
}

/** The same at once. */
export function Draw(weights: ISplatWeights, colors: Float32Array): Float32Array {
    return Finish(Picture(weights, colors));
}

function* Picture(weights: ISplatWeights, colors: Float32Array): Work<Float32Array> {
    const picture = new Float32Array(4 * weights.size ** 2);
    yield* weights.pass(
        colors,
        (pixel, drawn, _values, at) => picture.set(drawn.subarray(4 * at, 4 * at + 4), 4 * pixel),
        null,
    );
    return picture;
}

/** [n,3] of [S,S,3]. */
export async function TransposeAsync(
    weights: ISplatWeights,
    picture: Float32Array,
    count: number,
): Promise<Float32Array> {
    const into = new Float32Array(3 * count);
    const give = (pixel: number, _drawn: Float32Array, values: Float32Array, at: number): void =>
        values.set(picture.subarray(3 * pixel, 3 * pixel + 3), 3 * at);
    await FinishAsync(weights.pass(null, give, into));
    return into;
}
