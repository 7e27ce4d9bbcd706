// three's own GaussianSplat addon on its WebGPU renderer.
import { Color, LinearSRGBColorSpace, PerspectiveCamera, REVISION, Scene, WebGPURenderer } from "three/webgpu";
import { GaussianSplatPLYLoader } from "three/addons/loaders/GaussianSplatPLYLoader.js";
import { GaussianSplat } from "three/addons/objects/GaussianSplat.js";

export async function CreateAsync({ canvas, camera: path, ply }) {
    const renderer = new WebGPURenderer({ canvas, antialias: false });
    // the file's colors are blended as they are; another output would encode them twice
    renderer.outputColorSpace = LinearSRGBColorSpace;
    renderer.setPixelRatio(1);
    renderer.setSize(path.SizePx, path.SizePx, false);
    await renderer.init();
    const scene = new Scene();
    scene.background = new Color().setRGB(...path.ClearColor, LinearSRGBColorSpace);
    const camera = new PerspectiveCamera((path.FieldOfView * 180) / Math.PI, 1, path.Near, path.Far);
    scene.add(new GaussianSplat(new GaussianSplatPLYLoader().parse(ply)));
    return {
        version: `0.${REVISION}.0`,
        async frameAsync(frame) {
            camera.position.set(...path.EyeOf(frame));
            camera.lookAt(0, 0, 0);
            renderer.render(scene, camera);
            await renderer.backend.device.queue.onSubmittedWorkDone();
        },
        dispose: () => renderer.dispose(),
    };
}
