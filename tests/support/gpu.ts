/**
 * What the GPU tests share: a device that must exist, read-back, seeded random numbers, comparisons that report the
 * worst entry.
 */

const shared = new Map<GPUFeatureName | "none", Promise<GPUDevice | null>>();
const errors: string[] = [];

/** The device of all pass tests. Rejects, and so fails the test, where there is none; a software adapter counts. */
export async function GetDevice(): Promise<GPUDevice> {
    return (await open("none"))!; // default limits and no optional feature: what any host offers
}

/** A device with `shader-f16`. Where the adapter has none, the spec that asks is skipped and says so. */
export async function GetHalfDevice(): Promise<GPUDevice> {
    const device = await open("shader-f16");
    if (!device) {
        pending("this adapter has no shader-f16"); // throws
    }
    return device!;
}

function open(feature: GPUFeatureName | "none"): Promise<GPUDevice | null> {
    const device = shared.get(feature) ?? request(feature);
    shared.set(feature, device);
    return device;
}

async function request(feature: GPUFeatureName | "none"): Promise<GPUDevice | null> {
    const adapter = await navigator.gpu?.requestAdapter();
    if (!adapter) {
        throw new Error("These tests need WebGPU and there is no adapter.");
    }
    if (feature !== "none" && !adapter.features.has(feature)) {
        return null;
    }
    const device = await adapter.requestDevice({ requiredFeatures: feature === "none" ? [] : [feature] });
    device.onuncapturederror = (event) => errors.push(event.error.message);
    return device;
}

/** Waits for the queue and fails on any WebGPU error since the last call. */
export async function ExpectNoGpuErrors(device?: GPUDevice): Promise<void> {
    await (device ?? (await GetDevice())).queue.onSubmittedWorkDone();
    expect(errors.splice(0)).toEqual([]);
}

/** Content of a buffer with usage COPY_SRC. */
export async function ReadBuffer(device: GPUDevice, buffer: GPUBuffer, byteLength = buffer.size): Promise<ArrayBuffer> {
    const staging = device.createBuffer({
        size: Math.max(4, byteLength),
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, byteLength);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const copy = staging.getMappedRange().slice(0, byteLength);
    staging.destroy();
    return copy;
}

/** Records with one encoder and submits. */
export function Submit(device: GPUDevice, record: (encoder: GPUCommandEncoder) => void): void {
    const encoder = device.createCommandEncoder();
    record(encoder);
    device.queue.submit([encoder.finish()]);
}

/** Seeded random numbers 0..1 (mulberry32). The seed is printed, so a failure can be repeated. */
export function Random(seed: number): () => number {
    console.log(`seed ${seed}`);
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

/** Standard normal number. */
export function Normal(random: () => number): number {
    return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Expects |actual − expected| ≤ floor + relative · |expected| everywhere; reports the worst entry. */
export function ExpectClose(
    what: string,
    actual: ArrayLike<number>,
    expected: ArrayLike<number>,
    limit: { relative: number; floor: number },
): void {
    expect(actual.length).withContext(`${what}: length`).toBe(expected.length);
    let worst = 0;
    let at = -1;
    for (let i = 0; i < expected.length; i++) {
        const excess = Math.abs(actual[i] - expected[i]) / (limit.floor + limit.relative * Math.abs(expected[i]));
        if (!(excess <= worst)) {
            worst = excess;
            at = i;
        }
    }
    expect(worst <= 1)
        .withContext(
            `${what}[${at}] is ${actual[at]}, wanted ${expected[at]} within ${limit.floor} + ${limit.relative}·|x|`,
        )
        .toBeTrue();
}

/** Number of a 16-bit float. */
export function FromHalf(bits: number): number {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Peak signal-to-noise ratio in dB of values with peak 1. */
export function Psnr(a: ArrayLike<number>, b: ArrayLike<number>): number {
    let sum = 0;
    for (let i = 0; i < a.length; i++) {
        sum += (a[i] - b[i]) ** 2;
    }
    return -10 * Math.log10(sum / a.length);
}
