// The shipped driver network in our shaders, in a scene: recorded in the frame that wants it, seen in that frame,
// against ONNX Runtime.
import { ParseHeadModel } from "../../../../src/flame/headModel";
import { BuildTexelTable } from "../../../../src/flame/texelTable";
import type { FlexAvatar } from "../../../../src/plugin/avatar/flexAvatar";
import { ModelRuntime } from "../../../../src/runtime/models/modelRuntime";
import { Psnr } from "../../../support/gpu";
import { Surfels } from "../../../support/surfels";
import { HeadBytesAsync } from "../../../support/fakeNetworks";
import {
    AddAvatarAsync,
    CaptureAsync,
    CreateStageAsync,
    PixelsAsync,
    RenderFrame,
    type ISynthetic,
    type IStage,
} from "../../../support/stage";

describe("a driver in the frame", () => {
    let stage: IStage;
    let runtimes: ModelRuntime[];
    let avatar: FlexAvatar;
    let byOnnx: FlexAvatar;
    let still: FlexAvatar;

    beforeAll(async () => {
        stage = await CreateStageAsync();
        const device = stage.engine._device as GPUDevice;
        const settings = {
            modelsUrl: "/repo/assets/models",
            runtimeUrls: "/repo/node_modules/onnxruntime-web/dist",
            device,
        };
        const makeAsync = (driver: "shaders" | "onnx"): Promise<ModelRuntime> =>
            ModelRuntime.CreateAsync({ ...settings, backend: "wasm", model: "nano-128", driver });
        runtimes = [await makeAsync("shaders"), await makeAsync("onnx")];
        const { mapSize, positionMapSize, graphs } = runtimes[0].model;
        const model = ParseHeadModel((await HeadBytesAsync()).slice().buffer);
        const table = BuildTexelTable(model, mapSize);
        const person: ISynthetic = {
            model,
            table,
            positionTable: BuildTexelTable(model, positionMapSize),
            staticMap: Surfels(model, table, { overlap: 0.8 }),
        };
        const count = graphs.driver.inputs.identity_features.reduce((product, edge) => product * edge, 1);
        const identity = Float32Array.from({ length: count }, (_, i) => Math.sin(0.37 * i));
        const addAsync = async (name: string, runtime?: ModelRuntime): Promise<FlexAvatar> => {
            const added = await AddAvatarAsync(stage, person, {
                name,
                driver: (await runtime?.createDriverAsync(identity)) ?? null,
            });
            added.setEnabled(false);
            return added;
        };
        avatar = await addAsync("shaders", runtimes[0]);
        byOnnx = await addAsync("onnx", runtimes[1]);
        still = await addAsync("still");
    });

    afterAll(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
        runtimes.forEach((runtime) => runtime.dispose());
    });

    const Speak = ({ expression }: FlexAvatar, influence: number): void => {
        for (const track of ["jawOpen", "mouthSmileLeft", "browInnerUp", "eyeBlinkLeft", "mouthFunnel"]) {
            expression.getTrack(track).influence = influence;
        }
    };

    /** A picture of one avatar alone, its driver's answer included. */
    async function PictureAsync(shown: FlexAvatar): Promise<number[]> {
        shown.setEnabled(true);
        await shown.evaluateAsync();
        const pixels = await PixelsAsync(await CaptureAsync(stage));
        shown.setEnabled(false);
        return Array.from(pixels, (value) => value / 255);
    }

    it("answers in the frame that shows the expression, reads nothing back, waits for nothing, and rests while the face does", async () => {
        avatar.setEnabled(true);
        await avatar.evaluateAsync();
        await CaptureAsync(stage);
        // Long ago: nothing is left to blend from, and the page has rested from the last run.
        const later = performance.now() + 5000;
        spyOn(performance, "now").and.returnValue(later);
        const runsBefore = stage.component.statistics.driverRuns;
        const passes = spyOn(GPUCommandEncoder.prototype, "beginComputePass").and.callThrough();
        const mapped = spyOn(GPUBuffer.prototype, "mapAsync").and.callThrough();
        const waited = spyOn(GPUQueue.prototype, "onSubmittedWorkDone").and.callThrough();
        Speak(avatar, 0.8);
        RenderFrame(stage);
        const shown = stage.canvas.toDataURL(); // in the same task: nothing can have been awaited
        expect(stage.component.statistics.driverRuns).toBe(runsBefore + 1);
        expect(passes.calls.allArgs().filter(([descriptor]) => descriptor?.label === "driver").length).toBe(1);
        for (let frame = 0; frame < 4; frame++) {
            RenderFrame(stage);
        }
        expect(stage.canvas.toDataURL() === shown).toBeTrue();
        expect(stage.component.statistics.driverRuns).toBe(runsBefore + 1);
        expect([mapped.calls.count(), waited.calls.count()]).toEqual([0, 0]);
        avatar.setEnabled(false);

        const picture = Array.from(await PixelsAsync(shown), (value) => value / 255);
        [byOnnx, still].forEach((other) => Speak(other, 0.8));
        const [reference, undriven] = [await PictureAsync(byOnnx), await PictureAsync(still)];
        console.log(
            `PSNR ${Psnr(picture, reference).toFixed(1)} dB, without a driver ${Psnr(picture, undriven).toFixed(1)} dB`,
        );
        expect(Psnr(picture, reference)).toBeGreaterThan(55);
        expect(Psnr(picture, undriven)).toBeLessThan(45);
    });

    it("is shared by instances, each with its own face, which cost less than 2 MB each", async () => {
        const bytes = (): number =>
            stage.component.avatars.reduce((sum, { _internals: { splats } }) => sum + splats!.ownByteLength, 0) +
            [...stage.heads.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
        const before = bytes();
        const instances = ["bob", "eve"].map((name) => avatar.createInstance(name));
        const each = (bytes() - before) / instances.length;
        console.log(`an instance costs ${(each / 1e6).toFixed(2)} MB`);
        expect(each).toBeGreaterThan(1e6);
        expect(each).toBeLessThan(2e6);
        instances.forEach((instance, i) => {
            instance.setEnabled(false);
            Speak(instance, i ? 0.8 : 0);
        });
        [avatar, byOnnx].forEach((other) => Speak(other, 0));
        const [rest, ...faces] = [
            await PictureAsync(byOnnx),
            await PictureAsync(instances[0]),
            await PictureAsync(instances[1]),
        ];
        Speak(byOnnx, 0.8);
        expect(Psnr(faces[0], rest)).toBeGreaterThan(55);
        expect(Psnr(faces[1], await PictureAsync(byOnnx))).toBeGreaterThan(55);
        expect(Psnr(faces[1], rest)).toBeLessThan(45);
        instances.forEach((instance) => instance.dispose());
    });
});
