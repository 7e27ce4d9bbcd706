/** A released driver network as a program for our shaders, and the program with everything it needs on a device. */
import { LowerDriver } from "../../src/runtime/driver/lowerDriver";
import { ReadOnnxGraph } from "../../src/runtime/driver/onnxGraph";
import { DriverExecutor } from "../../src/runtime/driver/kernels/driverExecutor";
import type { IDriverProgram } from "../../src/runtime/driver/kernels/driverProgram";

/** The driver's part of a model set in models.json. */
export interface IDriverGraph {
    readonly file: string;
    readonly data?: { readonly file: string };
    readonly inputs: Readonly<Record<string, readonly number[]>>;
}

/** Where one driver runs. */
export interface IDriverContender {
    readonly name: string;
    runAsync(): Promise<void>;
}

/** @param readAsync gives a file of the models folder */
export async function LoadDriverProgramAsync(
    driver: IDriverGraph,
    readAsync: (file: string) => Promise<Uint8Array>,
): Promise<IDriverProgram> {
    const data = driver.data!.file;
    const external = new Map([[data.split("/").at(-1)!, await readAsync(data)]]);
    return LowerDriver(
        ReadOnnxGraph(await readAsync(driver.file), external),
        driver.inputs.identity_features,
        driver.inputs.position_map,
    );
}

/** Our shaders. */
export async function ShaderDriverContenderAsync(
    device: GPUDevice,
    program: IDriverProgram,
    half: boolean,
): Promise<IDriverContender> {
    const executor = await DriverExecutor.CreateAsync(device, program, { half });
    const person = executor.createPerson(new Float32Array(program.identityCount).fill(0.1));
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
    const position = device.createBuffer({ size: 4 * program.positionCount, usage });
    const delta = device.createBuffer({ size: 4 * program.deltaCount, usage });
    return {
        name: `our shaders, ${half ? "f16" : "f32"}`,
        async runAsync() {
            const encoder = device.createCommandEncoder();
            executor.encode(encoder, person, position, delta);
            device.queue.submit([encoder.finish()]);
            await device.queue.onSubmittedWorkDone();
        },
    };
}
