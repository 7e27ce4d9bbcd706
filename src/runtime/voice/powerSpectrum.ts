/** Power spectrum of real samples: a radix-2 Fourier transform of half the length and one step that sorts it out. */

/** Transforms windows of one length. All buffers are made here, none later. */
export class PowerSpectrum {
    /** [size / 2 + 1] power of each bin after {@link transform}. */
    public readonly power: Float64Array;
    private readonly _half: number;
    private readonly _re: Float64Array;
    private readonly _im: Float64Array;
    private readonly _cos: Float64Array;
    private readonly _sin: Float64Array;
    private readonly _reversed: Uint16Array;

    /** @param size length of the transform, a power of two from 4 to 65536 */
    public constructor(size: number) {
        const half = (this._half = size / 2);
        this.power = new Float64Array(half + 1);
        this._re = new Float64Array(half);
        this._im = new Float64Array(half);
        // Roots of the whole length; the transform of half the length takes every second one.
        this._cos = Float64Array.from({ length: half }, (_, index) => Math.cos((2 * Math.PI * index) / size));
        this._sin = Float64Array.from({ length: half }, (_, index) => -Math.sin((2 * Math.PI * index) / size));
        this._reversed = new Uint16Array(half);
        for (let index = 1; index < half; index++) {
            this._reversed[index] = (this._reversed[index >> 1] >> 1) | (index & 1 ? half >> 1 : 0);
        }
    }

    /** @param samples [at most size], what lacks is zero */
    public transform(samples: Float32Array | Float64Array): void {
        const { _half: half, _re: re, _im: im, _cos: cos, _sin: sin, _reversed: reversed, power } = this;
        for (let index = 0; index < half; index++) {
            const to = reversed[index];
            re[to] = 2 * index < samples.length ? samples[2 * index] : 0;
            im[to] = 2 * index + 1 < samples.length ? samples[2 * index + 1] : 0;
        }
        for (let width = 1; width < half; width *= 2) {
            const stride = half / width;
            for (let start = 0; start < half; start += 2 * width) {
                for (let step = 0; step < width; step++) {
                    const low = start + step;
                    const high = low + width;
                    const c = cos[step * stride];
                    const s = sin[step * stride];
                    const hr = re[high] * c - im[high] * s;
                    const hi = re[high] * s + im[high] * c;
                    re[high] = re[low] - hr;
                    im[high] = im[low] - hi;
                    re[low] += hr;
                    im[low] += hi;
                }
            }
        }
        power[0] = (re[0] + im[0]) ** 2;
        power[half] = (re[0] - im[0]) ** 2;
        for (let index = 1; index < half; index++) {
            const mirror = half - index;
            // Even samples, and odd ones turned into place.
            const evenRe = (re[index] + re[mirror]) / 2;
            const evenIm = (im[index] - im[mirror]) / 2;
            const oddRe = (im[index] + im[mirror]) / 2;
            const oddIm = (re[mirror] - re[index]) / 2;
            const real = evenRe + oddRe * cos[index] - oddIm * sin[index];
            const imaginary = evenIm + oddRe * sin[index] + oddIm * cos[index];
            power[index] = real * real + imaginary * imaginary;
        }
    }
}
