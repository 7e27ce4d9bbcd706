/**
 * Gives canvases an ordinary texture instead of the one that the browser presents, so that any WebGPU engine runs
 * unmodified, costs no presentation, and its picture can be read back after the frame. Import it before an engine asks
 * for a canvas context.
 */

interface IOffscreen {
    configuration: GPUCanvasConfiguration;
    texture: GPUTexture | null;
}

const states = new WeakMap<GPUCanvasContext, IOffscreen>();
const contexts = new WeakMap<HTMLCanvasElement | OffscreenCanvas, GPUCanvasContext>();

const prototype = GPUCanvasContext.prototype as unknown as Record<string, unknown>;
prototype.configure = function (this: GPUCanvasContext, configuration: GPUCanvasConfiguration) {
    states.get(this)?.texture?.destroy();
    states.set(this, { configuration, texture: null });
    contexts.set(this.canvas, this);
};
prototype.unconfigure = function (this: GPUCanvasContext) {
    states.get(this)?.texture?.destroy();
    states.delete(this);
};
prototype.getConfiguration = function (this: GPUCanvasContext) {
    return states.get(this)?.configuration ?? null;
};
prototype.getCurrentTexture = function (this: GPUCanvasContext): GPUTexture {
    const state = states.get(this)!;
    const { width, height } = this.canvas;
    if (state.texture?.width !== width || state.texture.height !== height) {
        const { device, format, viewFormats } = state.configuration;
        state.texture = device.createTexture({
            label: "offscreen canvas",
            size: [width, height],
            format,
            viewFormats,
            usage:
                GPUTextureUsage.RENDER_ATTACHMENT |
                GPUTextureUsage.COPY_SRC |
                GPUTextureUsage.COPY_DST |
                GPUTextureUsage.TEXTURE_BINDING,
        });
        // An engine that destroys "its" canvas texture must not destroy ours.
        state.texture.destroy = () => undefined;
    }
    return state.texture;
};

/** What the canvas shows: RGBA bytes, row 0 at the top. */
export async function ReadCanvasAsync(canvas: HTMLCanvasElement): Promise<Uint8ClampedArray<ArrayBuffer>> {
    const { configuration, texture } = states.get(contexts.get(canvas)!)!;
    return await ReadTextureAsync(configuration.device, texture!);
}

/** Colors of an 8-bit texture as opaque RGBA bytes, row 0 at the top. */
export async function ReadTextureAsync(
    device: GPUDevice,
    texture: GPUTexture,
): Promise<Uint8ClampedArray<ArrayBuffer>> {
    const { width, height, format } = texture;
    const bytesPerRow = 256 * Math.ceil((4 * width) / 256);
    const buffer = device.createBuffer({
        size: bytesPerRow * height,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const encoder = device.createCommandEncoder();
    encoder.copyTextureToBuffer({ texture }, { buffer, bytesPerRow }, [width, height]);
    device.queue.submit([encoder.finish()]);
    await buffer.mapAsync(GPUMapMode.READ);
    const source = new Uint8Array(buffer.getMappedRange());
    const pixels = new Uint8ClampedArray(4 * width * height);
    const red = format.startsWith("bgra") ? 2 : 0;
    for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
            const from = y * bytesPerRow + 4 * x;
            pixels.set([source[from + red], source[from + 1], source[from + 2 - red], 255], 4 * (y * width + x));
        }
    }
    buffer.destroy();
    return pixels;
}
