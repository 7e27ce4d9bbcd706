import { DriverExecutor } from "../../../../src/runtime/driver/kernels/driverExecutor";
import type { DriverStep, IConvStep, IDriverProgram } from "../../../../src/runtime/driver/kernels/driverProgram";
import { RunDriver } from "../../../../src/runtime/reference/driver";
import {
    ExpectClose,
    ExpectNoGpuErrors,
    GetDevice,
    GetHalfDevice,
    Random,
    ReadBuffer,
    Submit,
} from "../../../support/gpu";

/**
 * A network of every kind of step, with sizes that are no multiples of a thread's four texels and of a block's four
 * channels.
 */
function EveryStep(random: () => number): IDriverProgram {
    const values = (count: number): Float32Array => Float32Array.from({ length: count }, () => random() - 0.5);
    const maps = [
        { channels: 5, height: 12, width: 12 },
        { channels: 6, height: 12, width: 12 },
        { channels: 12, height: 12, width: 12 },
        { channels: 6, height: 12, width: 12 },
        { channels: 6, height: 12, width: 12 },
        { channels: 9, height: 6, width: 6 },
        { channels: 9, height: 3, width: 3 },
        { channels: 8, height: 6, width: 6 },
        { channels: 12, height: 12, width: 12 },
    ];
    const conv = (
        sources: IConvStep["sources"],
        result: number,
        kernel: number,
        more: Partial<IConvStep> = {},
    ): IConvStep => {
        const inputs = sources.reduce((sum, { map }) => sum + maps[map].channels, 0);
        const { channels } = maps[result];
        const weights = values(channels * inputs * kernel ** 2);
        const pad = kernel === 3 ? 1 : 0;
        const stride = kernel === 2 ? 2 : 1;
        const defaults = { before: null, relu: false, after: null };
        return {
            kind: "conv",
            sources,
            weights,
            bias: values(channels),
            kernel,
            stride,
            pad,
            result,
            ...defaults,
            ...more,
        };
    };
    const of = (map: number, shift = 0): IConvStep["sources"][number] => ({ map, shift });
    const once: DriverStep[] = [
        { kind: "enter", input: "identity", rest: null, gain: 1, block: 1, channels: 5, result: 0 },
        conv([of(0)], 1, 1),
    ];
    const steps: DriverStep[] = [
        { kind: "enter", input: "position", rest: values(3 * 24 * 24), gain: 3, block: 2, channels: 3, result: 2 },
        conv([of(2)], 3, 3, { before: 1, relu: true }),
        conv([of(3)], 4, 3, { relu: true, after: 3 }),
        conv([of(4)], 5, 2),
        { kind: "pool", source: 5, result: 6 },
        conv([of(6, 1), of(5)], 7, 1, { relu: true }),
        conv([of(7, 1), of(4)], 8, 3),
        { kind: "exit", source: 8, block: 2, unit: values(3), scale: 2 },
    ];
    return { maps, once, steps, identityCount: 5 * 144, positionCount: 3 * 576, deltaCount: 3 * 48 * 48 };
}

/** The network cut off behind a step, whose result is then the output. */
function UpTo(program: IDriverProgram, count: number): IDriverProgram {
    const last = program.steps[count - 1];
    if (last.kind === "exit") {
        return program;
    }
    const { channels, height, width } = program.maps[last.result];
    const exit: DriverStep = {
        kind: "exit",
        source: last.result,
        block: 1,
        unit: new Float32Array(channels).fill(1),
        scale: 1,
    };
    return { ...program, steps: [...program.steps.slice(0, count), exit], deltaCount: channels * height * width };
}

describe("driver steps", () => {
    const random = Random(31);
    const program = EveryStep(random);
    const identity = Float32Array.from({ length: program.identityCount }, () => random() - 0.5);
    const position = Float32Array.from({ length: program.positionCount }, () => random() - 0.5);
    const names = program.steps.map((step, i) => `${i} ${step.kind}`);

    const ways = [
        { title: "many texels per thread", enoughThreads: 1, half: false },
        { title: "one texel per thread", enoughThreads: 4096, half: false },
        { title: "half precision, many texels per thread", enoughThreads: 1, half: true },
        { title: "half precision, one texel per thread", enoughThreads: 4096, half: true },
    ];
    for (const { title, enoughThreads, half } of ways) {
        names.forEach((name, index) =>
            it(`${name} is what the reference says: ${title}`, async () => {
                const device = await (half ? GetHalfDevice() : GetDevice());
                const part = UpTo(program, index + 1);
                const executor = await DriverExecutor.CreateAsync(device, part, { half, enoughThreads });
                const person = executor.createPerson(identity);
                const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
                const source = device.createBuffer({ size: 4 * part.positionCount, usage });
                const delta = device.createBuffer({ size: 4 * part.deltaCount, usage });
                device.queue.writeBuffer(source, 0, position);
                Submit(device, (encoder) => executor.encode(encoder, person, source, delta));
                const found = new Float32Array(await ReadBuffer(device, delta));
                const wanted = RunDriver(part, identity, position);
                const range = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
                const ofRange = 0.003 * range; // 11 bits in each of up to eight layers; measured: 0.0016
                ExpectClose(
                    name,
                    found,
                    wanted,
                    half ? { relative: 0, floor: ofRange } : { relative: 1e-5, floor: 1e-5 },
                );
                await ExpectNoGpuErrors(device);
                [executor, person].forEach((owner) => owner.dispose());
                [source, delta].forEach((buffer) => buffer.destroy());
            }),
        );
    }
});
