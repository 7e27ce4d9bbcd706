/** What the specs of scene features share: an avatar of one color, and questions about pictures. */
import { Matrix, Vector3 } from "@babylonjs/core/Maths/math.vector";
import { CanvasPx, ColorAt, MakeSynthetic, PixelsAsync, RenderFrame, type ISynthetic, type IStage } from "./stage";

/** A color, 0..255. */
export type Rgb = readonly [number, number, number];

/** A head whose Gaussians are opaque, larger than their distance, and all of one color: what is behind is gone. */
export function MakeSolid(color: Rgb): ISynthetic {
    const synthetic = MakeSynthetic();
    const texels = synthetic.table.mapSize ** 2;
    const { staticMap } = synthetic;
    staticMap.fill(0);
    staticMap.fill(9, 3 * texels, 4 * texels);
    color.forEach((value, channel) => staticMap.fill(value / 255, (4 + channel) * texels, (5 + channel) * texels));
    staticMap.fill(Math.log(0.006), 7 * texels, 10 * texels);
    staticMap.fill(1, 13 * texels, 14 * texels);
    return synthetic;
}

/**
 * Renders and reads the canvas.
 * @param frames how many it takes until what is newly in the scene has compiled; the scene itself waits for materials
 * only
 */
export async function ShootAsync(stage: IStage, frames = 1): Promise<Uint8ClampedArray> {
    await stage.scene.whenReadyAsync();
    for (let frame = 1; frame < frames; frame++) {
        RenderFrame(stage);
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
    RenderFrame(stage);
    return PixelsAsync(stage.canvas.toDataURL()); // in the same task as the end of the frame
}

/** Where a point of the world lies on the canvas, whole pixels from the top left. */
export function PixelOf(stage: IStage, point: Vector3): [number, number] {
    const { camera } = stage;
    const ndc = Vector3.TransformCoordinates(
        point,
        camera.getViewMatrix(true).multiply(camera.getProjectionMatrix(true)),
    );
    return [Math.floor((0.5 + 0.5 * ndc.x) * CanvasPx), Math.floor((0.5 - 0.5 * ndc.y) * CanvasPx)];
}

/** Expects a color at a pixel, each channel within `limit`. */
export function ExpectColor(
    pixels: ArrayLike<number>,
    [x, y]: readonly number[],
    color: Rgb,
    limit = 3,
    what = "",
): void {
    const actual = ColorAt(pixels, x, y);
    const worst = Math.max(...actual.map((value, channel) => Math.abs(value - color[channel])));
    expect(worst)
        .withContext(`${what} at ${x}, ${y}: ${actual.join()} instead of ${color.map(Math.round).join()}`)
        .toBeLessThanOrEqual(limit);
}

/** Largest difference of a channel, and how many pixels differ by more than `limit` in one. */
export function Compare(
    a: ArrayLike<number>,
    b: ArrayLike<number>,
    limit = 0,
): { worst: number; different: number; lit: number } {
    let [worst, different, lit] = [0, 0, 0];
    for (let at = 0; at < a.length; at += 4) {
        const difference = Math.max(...[0, 1, 2].map((channel) => Math.abs(a[at + channel] - b[at + channel])));
        worst = Math.max(worst, difference);
        different += difference > limit ? 1 : 0;
        lit += Math.max(b[at], b[at + 1], b[at + 2]) > 30 ? 1 : 0;
    }
    return { worst, different, lit };
}

/** Pixels brighter than 30 in some channel. */
export function Lit(pixels: ArrayLike<number>): number {
    return Compare(pixels, pixels).lit;
}

/** Expects two pictures to be alike, and to show something. */
export function ExpectAlike(
    actual: ArrayLike<number>,
    expected: ArrayLike<number>,
    limit: number,
    share = 0,
    what = "",
): void {
    const { worst, different, lit } = Compare(actual, expected, limit);
    expect(lit).withContext(`${what} lit pixels`).toBeGreaterThan(500);
    expect(different / lit)
        .withContext(`${what} share of pixels that differ by more than ${limit}, the worst by ${worst}`)
        .toBeLessThanOrEqual(share);
}

/** The place where the ray through a pixel's middle meets the posed head. */
export function HeadPoint(stage: IStage, [x, y]: readonly number[]): Vector3 {
    const ray = stage.scene.createPickingRay(x + 0.5, y + 0.5, Matrix.Identity(), stage.camera);
    const hit = stage.scene.pickWithRay(
        ray,
        (mesh) => mesh.isEnabled() && stage.component.avatars.some((avatar) => avatar.proxyMesh === mesh),
    );
    expect(hit?.hit).withContext(`ray through ${x}, ${y} hits the head`).toBeTrue();
    return hit?.pickedPoint ?? Vector3.Zero();
}
