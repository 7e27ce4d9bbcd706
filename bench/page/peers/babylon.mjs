// @babylonjs/core GaussianSplattingMesh, sorted by its worker or by its experimental GPU sorter.
import "@babylonjs/core/Engines/WebGPU/Extensions/index.js";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera.js";
import { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine.js";
import { Color4 } from "@babylonjs/core/Maths/math.color.js";
import { Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import { GaussianSplattingGpuSorter } from "@babylonjs/core/Meshes/GaussianSplatting/gaussianSplattingGpuSorter.js";
import { GaussianSplattingMesh } from "@babylonjs/core/Meshes/GaussianSplatting/gaussianSplattingMesh.js";
import { Scene } from "@babylonjs/core/scene.js";

/** @returns a scene with an orbiting camera; also used to time the sorter alone */
async function CreateBabylonSceneAsync({ canvas, camera: path, splat }, gpuSort) {
    const engine = new WebGPUEngine(canvas, {
        antialias: false,
        stencil: false,
        setMaximumLimits: true,
        deviceDescriptor: { requiredFeatures: ["timestamp-query"] },
    });
    await engine.initAsync();
    engine.getCaps().parallelShaderCompile = undefined;
    const scene = new Scene(engine);
    scene.useRightHandedSystem = true;
    const [r, g, b] = path.ClearColor;
    scene.clearColor = new Color4(r, g, b, 1);
    const camera = new FreeCamera("camera", new Vector3(0, 0, path.DistanceM), scene);
    camera.fov = path.FieldOfView;
    camera.minZ = path.Near;
    camera.maxZ = path.Far;
    const mesh = new GaussianSplattingMesh("head", null, scene);
    mesh.useGpuSort = gpuSort;
    await mesh.updateDataAsync(splat.slice(0));
    const setFrame = (frame) => {
        camera.position.set(...path.EyeOf(frame));
        camera.setTarget(Vector3.Zero());
    };
    const render = () => {
        engine.beginFrame();
        scene.render();
        engine.endFrame();
    };
    return { engine, scene, camera, mesh, setFrame, render };
}

export async function CreateAsync(context, gpuSort) {
    const { engine, mesh, setFrame, render } = await CreateBabylonSceneAsync(context, gpuSort);
    setFrame(0);
    for (let tries = 0; tries < 600 && !mesh.isReady(true); tries++) {
        render(); // shaders and the first sort are asked for by rendering
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return {
        version: WebGPUEngine.Version ?? engine.version,
        async frameAsync(frame) {
            setFrame(frame);
            render();
            await engine._device.queue.onSubmittedWorkDone();
        },
        isSettled: () => mesh.isReady(true),
        dispose: () => engine.dispose(),
    };
}

/** The sorter alone, on the centres of the head. */
export async function CreateBabylonSorterAsync(context) {
    const { engine, camera, mesh, setFrame, render } = await CreateBabylonSceneAsync(context, true);
    setFrame(0);
    render();
    await GaussianSplattingGpuSorter.LoadDependenciesAsync();
    const sorter = new GaussianSplattingGpuSorter(engine, "bench", 16);
    const { width } = mesh.centersTexture.getSize();
    const { minimum, maximum } = mesh.getBoundingInfo();
    const [boundsMin, boundsMax] = [minimum.asArray(), maximum.asArray()];
    sorter.setSource({
        vertexCount: mesh.splatCount,
        textureWidth: width,
        centersTexture: mesh.centersTexture,
        boundsMin,
        boundsMax,
    });
    const output = sorter.createOutput();
    const sort = () => sorter.sort(output, mesh.getWorldMatrix(), camera.getViewMatrix(), { rightHanded: true });
    for (let tries = 0; !sort(); tries++) {
        if (tries > 600) {
            throw new Error("Babylon's sorter never got ready.");
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    engine.flushFramebuffer();
    const { queue } = engine._device;
    await queue.onSubmittedWorkDone();
    return { sort, flush: () => engine.flushFramebuffer(), queue };
}
