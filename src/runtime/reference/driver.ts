/**
 * TypeScript twin of the driver's shaders: plain loops over channel-major maps in double precision, rounded to single
 * when stored. For tests; slow.
 */
import type { DriverStep, IConvStep, IDriverMap, IDriverProgram } from "../driver/kernels/driverProgram.js";

/**
 * Runs the network.
 * @param identity `[C,h,w]`
 * @param position `[3,P,P]`
 * @returns `[14,H,W]`
 */
export function RunDriver(program: IDriverProgram, identity: Float32Array, position: Float32Array): Float32Array {
    const { maps } = program;
    const values: Float32Array[] = [];
    let delta: Float32Array = new Float32Array();
    for (const step of [...program.once, ...program.steps]) {
        switch (step.kind) {
            case "enter":
                values[step.result] = Enter(step, maps[step.result], step.input === "identity" ? identity : position);
                break;
            case "conv":
                values[step.result] = Convolve(step, maps, values);
                break;
            case "pool":
                values[step.result] = Pool(maps[step.source], maps[step.result], values[step.source]);
                break;
            case "exit":
                delta = Exit(step, maps[step.source], values[step.source]);
        }
    }
    return delta;
}

type Step<Kind> = Extract<DriverStep, { kind: Kind }>;

function Enter(
    { rest, gain, block }: Step<"enter">,
    { channels, height, width }: IDriverMap,
    input: Float32Array,
): Float32Array {
    const result = new Float32Array(channels * height * width);
    for (let c = 0; c < channels; c++) {
        const inner = c % block ** 2;
        const plane = Math.floor(c / block ** 2) * height * block;
        for (let y = 0; y < height; y++) {
            for (let x = 0; x < width; x++) {
                const row = plane + y * block + Math.floor(inner / block);
                const from = row * width * block + x * block + (inner % block);
                result[(c * height + y) * width + x] = (input[from] - (rest?.[from] ?? 0)) * gain;
            }
        }
    }
    return result;
}

function Convolve(step: IConvStep, maps: readonly IDriverMap[], values: readonly Float32Array[]): Float32Array {
    const { sources, weights, bias, kernel, stride, pad, before, relu, after } = step;
    const { channels: outputs, height, width } = maps[step.result];
    const planes = sources.flatMap(({ map, shift }) => {
        const source = maps[map];
        return Array.from({ length: source.channels }, (_, channel) => ({ source, shift, channel, data: values[map] }));
    });
    const result = new Float32Array(outputs * height * width);
    for (let o = 0; o < outputs; o++) {
        for (let y = 0; y < height; y++) {
            for (let x = 0; x < width; x++) {
                let sum = bias[o];
                planes.forEach(({ source, shift, channel, data }, i) => {
                    for (let tap = 0; tap < kernel ** 2; tap++) {
                        const row = (y * stride + Math.floor(tap / kernel) - pad) >> shift;
                        const column = (x * stride + (tap % kernel) - pad) >> shift;
                        if (row >= 0 && row < source.height && column >= 0 && column < source.width) {
                            const weight = weights[(o * planes.length + i) * kernel ** 2 + tap];
                            sum += weight * data[(channel * source.height + row) * source.width + column];
                        }
                    }
                });
                const at = (o * height + y) * width + x;
                sum += before === null ? 0 : values[before][at];
                sum = relu ? Math.max(0, sum) : sum;
                result[at] = sum + (after === null ? 0 : values[after][at]);
            }
        }
    }
    return result;
}

function Pool(source: IDriverMap, { channels, height, width }: IDriverMap, data: Float32Array): Float32Array {
    const result = new Float32Array(channels * height * width);
    for (let i = 0; i < result.length; i++) {
        const channel = Math.floor(i / (height * width));
        const row = 2 * (Math.floor(i / width) % height);
        const at = (channel * source.height + row) * source.width + 2 * (i % width);
        result[i] = Math.max(data[at], data[at + 1], data[at + source.width], data[at + source.width + 1]);
    }
    return result;
}

function Exit({ block, unit, scale }: Step<"exit">, { height, width }: IDriverMap, data: Float32Array): Float32Array {
    const rows = height * block;
    const columns = width * block;
    const before = (channel: number, y: number, x: number): number => {
        const k = channel * block ** 2 + (y % block) * block + (x % block);
        return data[(k * height + Math.floor(y / block)) * width + Math.floor(x / block)];
    };
    const result = new Float32Array(unit.length * rows * columns * scale ** 2);
    let i = 0;
    for (let channel = 0; channel < unit.length; channel++) {
        for (let y = 0; y < rows * scale; y++) {
            for (let x = 0; x < columns * scale; x++, i++) {
                const atY = Math.min(rows - 1, Math.max(0, (y + 0.5) / scale - 0.5));
                const atX = Math.min(columns - 1, Math.max(0, (x + 0.5) / scale - 0.5));
                const y0 = Math.floor(atY);
                const x0 = Math.floor(atX);
                const y1 = Math.min(rows - 1, y0 + 1);
                const x1 = Math.min(columns - 1, x0 + 1);
                const top = before(channel, y0, x0) * (1 - atX + x0) + before(channel, y0, x1) * (atX - x0);
                const bottom = before(channel, y1, x0) * (1 - atX + x0) + before(channel, y1, x1) * (atX - x0);
                result[i] = (top * (1 - atY + y0) + bottom * (atY - y0)) * unit[channel];
            }
        }
    }
    return result;
}
