/** Pixels of a camera's frames, by canvases: each rectangle is drawn at the size its network wants. */
import type { ITurnedRectangle } from "../photo/picture.js";
import type { ICameraFrame } from "./landmarkFollower.js";

/** What is drawn. */
export type FrameImage = CanvasImageSource;

interface ISampler {
    readonly context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;
    readonly values: Float32Array;
}

/** One frame after the other. Works in workers and on pages. */
export class CanvasFrame implements ICameraFrame {
    public width = 0;
    public height = 0;
    private _image: FrameImage | null = null;
    private readonly _samplers = new Map<number, ISampler>();

    /** @param image borrowed until the next call */
    public show(image: FrameImage | null, width: number, height: number): void {
        this._image = image;
        this.width = width;
        this.height = height;
    }

    public sample({ centerX, centerY, width, rotation }: ITurnedRectangle, size: number, black: -1 | 0): Float32Array {
        const { context, values } = this._samplerOf(size);
        const scale = size / width;
        const [cos, sin] = [scale * Math.cos(rotation), scale * Math.sin(rotation)];
        context.setTransform(1, 0, 0, 1, 0, 0);
        context.fillRect(0, 0, size, size);
        context.setTransform(
            cos,
            -sin,
            sin,
            cos,
            size / 2 - cos * centerX - sin * centerY,
            size / 2 + sin * centerX - cos * centerY,
        );
        context.drawImage(this._image!, 0, 0, this.width, this.height);
        const { data } = context.getImageData(0, 0, size, size);
        const plane = size * size;
        const slope = (1 - black) / 255;
        for (let i = 0; i < plane; i++) {
            values[i] = black + slope * data[4 * i];
            values[plane + i] = black + slope * data[4 * i + 1];
            values[2 * plane + i] = black + slope * data[4 * i + 2];
        }
        return values;
    }

    private _samplerOf(size: number): ISampler {
        let sampler = this._samplers.get(size);
        if (!sampler) {
            const canvas =
                typeof OffscreenCanvas === "undefined"
                    ? Object.assign(document.createElement("canvas"), { width: size, height: size })
                    : new OffscreenCanvas(size, size);
            const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false }) as ISampler["context"];
            context.imageSmoothingQuality = "low"; // between four pixels, as the networks' pictures of photos are made
            sampler = { context, values: new Float32Array(3 * size * size) };
            this._samplers.set(size, sampler);
        }
        return sampler;
    }
}
