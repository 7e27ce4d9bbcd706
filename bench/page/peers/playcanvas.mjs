// playcanvas: unified Gaussian splats on WebGPU, sorted by its worker or on the GPU (its default on WebGPU).
/* global Blob */
import * as pc from "playcanvas";

export async function CreateAsync({ canvas, camera: path, ply }, gpuSort) {
    const graphicsDevice = await pc.createGraphicsDevice(canvas, {
        deviceTypes: ["webgpu"],
        antialias: false,
        depth: true,
        stencil: false,
    });
    graphicsDevice.maxPixelRatio = 1;
    const app = new pc.AppBase(canvas);
    const options = new pc.AppOptions();
    options.graphicsDevice = graphicsDevice;
    options.componentSystems = [pc.CameraComponentSystem, pc.GSplatComponentSystem];
    options.resourceHandlers = [pc.GSplatHandler];
    app.init(options);
    app.setCanvasFillMode(pc.FILLMODE_NONE, path.SizePx, path.SizePx);
    app.setCanvasResolution(pc.RESOLUTION_FIXED, path.SizePx, path.SizePx);
    app.scene.gsplat.renderer = gpuSort ? pc.GSPLAT_RENDERER_RASTER_GPU_SORT : pc.GSPLAT_RENDERER_RASTER_CPU_SORT;
    app.requestAnimationFrame = () => {}; // frames are driven from outside
    app.start();

    const url = URL.createObjectURL(new Blob([ply]));
    const asset = new pc.Asset("head", "gsplat", { url, filename: "head.ply" });
    app.assets.add(asset);
    await new Promise((resolve, reject) => {
        asset.once("load", resolve);
        asset.once("error", (error) => reject(new Error(`playcanvas: ${error}`)));
        app.assets.load(asset);
    });
    URL.revokeObjectURL(url);
    const camera = new pc.Entity("camera");
    const [r, g, b] = path.ClearColor;
    camera.addComponent("camera", {
        clearColor: new pc.Color(r, g, b, 1),
        fov: (path.FieldOfView * 180) / Math.PI,
        nearClip: path.Near,
        farClip: path.Far,
        toneMapping: pc.TONEMAP_NONE,
    });
    app.root.addChild(camera);
    const head = new pc.Entity("head");
    head.addComponent("gsplat", { asset, unified: true });
    app.root.addChild(head);

    let time = 0;
    return {
        version: pc.version,
        async frameAsync(frame) {
            camera.setPosition(...path.EyeOf(frame));
            camera.lookAt(0, 0, 0);
            app.tick((time += 1000 / 60));
            await graphicsDevice.wgpu.queue.onSubmittedWorkDone();
        },
        dispose: () => app.destroy(),
    };
}
