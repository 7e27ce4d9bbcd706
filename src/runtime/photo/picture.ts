/** Pictures as plain arrays, and a turned rectangle of one as the input of a network. */

/** A picture in memory. */
export interface IPicture {
    /** `[height,width,4]` bytes, row by row from the top. */
    data: Uint8ClampedArray;
    width: number;
    height: number;
}

/** A rectangle in a picture, in its pixels: origin top left, y down, pixel centres at +0.5. */
export interface ITurnedRectangle {
    centerX: number;
    centerY: number;
    width: number;
    height: number;
    /** Radians from the picture's x axis to the rectangle's, towards y. */
    rotation: number;
}

/** How a network wants its picture. */
export interface ISampling {
    /** Edge in pixels. */
    size: number;
    /** What black and white become. */
    range: readonly [number, number];
    /** Beyond the picture: its border goes on, or black. */
    outside: "border" | "black";
}

/**
 * Samples a rectangle between the four nearest pixels. A rectangle that is larger than the network's picture is not
 * smoothed first, as the networks were never shown smoothed ones.
 * @returns `[3,size,size]`, red, green, blue
 */
export function SampleRectangle(
    picture: IPicture,
    rectangle: ITurnedRectangle,
    { size, range, outside }: ISampling,
): Float32Array {
    const { data, width, height } = picture;
    const [black, white] = range;
    const scale = (white - black) / 255;
    const cos = Math.cos(rectangle.rotation);
    const sin = Math.sin(rectangle.rotation);
    const plane = size * size;
    const values = new Float32Array(3 * plane).fill(black);
    for (let row = 0; row < size; row++) {
        const down = ((row + 0.5) / size - 0.5) * rectangle.height;
        for (let column = 0; column < size; column++) {
            const across = ((column + 0.5) / size - 0.5) * rectangle.width;
            const x = rectangle.centerX + cos * across - sin * down;
            const y = rectangle.centerY + sin * across + cos * down;
            if (outside === "black" && (x < 0 || y < 0 || x > width || y > height)) {
                continue;
            }
            const left = Math.floor(x - 0.5);
            const top = Math.floor(y - 0.5);
            const right = x - 0.5 - left;
            const below = y - 0.5 - top;
            const x0 = Clamp(left, width);
            const x1 = Clamp(left + 1, width);
            const y0 = Clamp(top, height) * width;
            const y1 = Clamp(top + 1, height) * width;
            for (let channel = 0; channel < 3; channel++) {
                const upper = Mix(data[4 * (y0 + x0) + channel], data[4 * (y0 + x1) + channel], right);
                const lower = Mix(data[4 * (y1 + x0) + channel], data[4 * (y1 + x1) + channel], right);
                values[channel * plane + row * size + column] = black + scale * Mix(upper, lower, below);
            }
        }
    }
    return values;
}

/**
 * Mirrors left and right.
 * @param planes `[n,size,size]`
 * @returns a new `[n,size,size]`
 */
export function Mirrored(planes: Float32Array, size: number): Float32Array {
    const values = new Float32Array(planes.length);
    for (let row = 0; row < planes.length; row += size) {
        for (let column = 0; column < size; column++) {
            values[row + column] = planes[row + size - 1 - column];
        }
    }
    return values;
}

/**
 * Scales a square map by bilinear interpolation; its border goes on.
 * @param map `[from,from]`
 * @returns `[to,to]`
 */
export function ResizeMap(map: Float32Array, from: number, to: number): Float32Array {
    const values = new Float32Array(to * to);
    for (let row = 0; row < to; row++) {
        const y = ((row + 0.5) * from) / to - 0.5;
        const top = Math.floor(y);
        const y0 = Clamp(top, from) * from;
        const y1 = Clamp(top + 1, from) * from;
        for (let column = 0; column < to; column++) {
            const x = ((column + 0.5) * from) / to - 0.5;
            const left = Math.floor(x);
            const x0 = Clamp(left, from);
            const x1 = Clamp(left + 1, from);
            values[row * to + column] = Mix(
                Mix(map[y0 + x0], map[y0 + x1], x - left),
                Mix(map[y1 + x0], map[y1 + x1], x - left),
                y - top,
            );
        }
    }
    return values;
}

/**
 * Mean over squares of 2 · radius + 1 pixels, by running sums; the map's border goes on.
 * @param map `[S,S]`
 * @returns a new `[S,S]`
 */
export function MeanOfSquares(map: Float32Array, size: number, radius: number): Float32Array<ArrayBuffer> {
    const last = size - 1;
    const share = 1 / (2 * radius + 1);
    const across = new Float32Array(map.length);
    for (let row = 0; row < size; row++) {
        const start = row * size;
        let sum = 0;
        for (let k = -radius; k <= radius; k++) {
            sum += map[start + Math.min(last, Math.max(0, k))];
        }
        for (let k = 0; k < size; k++) {
            across[start + k] = sum * share;
            sum += map[start + Math.min(last, k + radius + 1)] - map[start + Math.max(0, k - radius)];
        }
    }
    const mean = new Float32Array(map.length);
    const sums = new Float64Array(size);
    for (let k = -radius; k <= radius; k++) {
        const start = Math.min(last, Math.max(0, k)) * size;
        for (let column = 0; column < size; column++) {
            sums[column] += across[start + column];
        }
    }
    for (let row = 0; row < size; row++) {
        const start = row * size;
        const enters = Math.min(last, row + radius + 1) * size;
        const leaves = Math.max(0, row - radius) * size;
        for (let column = 0; column < size; column++) {
            mean[start + column] = sums[column] * share;
            sums[column] += across[enters + column] - across[leaves + column];
        }
    }
    return mean;
}

function Clamp(index: number, count: number): number {
    return Math.min(count - 1, Math.max(0, index));
}

function Mix(a: number, b: number, t: number): number {
    return a + t * (b - a);
}
