/** What a prepared view looks like: drawn into a texture by the stand-alone pass, and read. */
import type { SplatDrawPass, ViewBuffers } from "../../src/runtime/passes";
import { FromHalf, ReadBuffer, Submit } from "./gpu";

/** Formats that {@link DrawnAsync} can read. */
export type DrawnFormat = "rgba16float" | "rgba8unorm";

/**
 * Draws over transparent black.
 * @param draw made for `format`, and for `depth32float` if there is a `depth`
 * @param size edge in pixels, a multiple of 64
 * @param depth what a depth buffer is cleared to
 * @returns [size,size,4] premultiplied, 0..1, row 0 at the top
 */
export async function DrawnAsync(
    draw: SplatDrawPass,
    view: ViewBuffers,
    size: number,
    format: DrawnFormat = "rgba16float",
    depth?: number,
): Promise<Float64Array> {
    const { device } = view;
    const usage = GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.COPY_SRC;
    const color = device.createTexture({ size: [size, size], format, usage });
    const depthTexture =
        depth === undefined ? undefined : device.createTexture({ size: [size, size], format: "depth32float", usage });
    const bytesPerRow = size * (format === "rgba8unorm" ? 4 : 8);
    const staging = device.createBuffer({
        size: size * bytesPerRow,
        usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
    });
    Submit(device, (encoder) => {
        const pass = encoder.beginRenderPass({
            colorAttachments: [{ view: color.createView(), loadOp: "clear", storeOp: "store" }],
            depthStencilAttachment: depthTexture && {
                view: depthTexture.createView(),
                depthLoadOp: "clear",
                depthStoreOp: "discard",
                depthClearValue: depth,
            },
        });
        draw.draw(pass, view);
        pass.end();
        encoder.copyTextureToBuffer({ texture: color }, { buffer: staging, bytesPerRow }, [size, size]);
    });
    const data = await ReadBuffer(device, staging);
    [color, depthTexture, staging].forEach((resource) => resource?.destroy());
    return format === "rgba8unorm"
        ? Float64Array.from(new Uint8Array(data), (x) => x / 255)
        : Float64Array.from(new Uint16Array(data), FromHalf);
}
