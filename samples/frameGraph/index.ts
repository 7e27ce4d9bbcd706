/** Frame graph: FlexAvatarTask draws the avatars after the opaque objects, into their color and depth; what follows sees one picture. */
import { Constants } from "@babylonjs/core/Engines/constants";
import "@babylonjs/core/Engines/WebGPU/Extensions/engine.multiRender"; // what FrameGraphClearTextureTask asks of the engine
import { FrameGraph } from "@babylonjs/core/FrameGraph/frameGraph";
import { FrameGraphBlackAndWhiteTask } from "@babylonjs/core/FrameGraph/Tasks/PostProcesses/blackAndWhiteTask";
import { FrameGraphObjectRendererTask } from "@babylonjs/core/FrameGraph/Tasks/Rendering/objectRendererTask";
import { FrameGraphClearTextureTask } from "@babylonjs/core/FrameGraph/Tasks/Texture/clearTextureTask";
import { FrameGraphCopyToBackbufferColorTask } from "@babylonjs/core/FrameGraph/Tasks/Texture/copyToBackbufferColorTask";
import { Color3 } from "@babylonjs/core/Maths/math.color";
import { CreateTorus } from "@babylonjs/core/Meshes/Builders/torusBuilder";
import { FlexAvatarComponent, FlexAvatarTask } from "babylon-flexavatar";
import { AddPersonAsync, FlexAvatarUrl, CreatePaint, ShowAsync } from "../shared/stage";

await ShowAsync(
    async ({ scene, camera, panel }) => {
        const component = FlexAvatarComponent.GetOrCreate(scene, { assetsUrl: FlexAvatarUrl });
        const avatar = await AddPersonAsync(component, panel);
        const ring = CreateTorus("ring", { diameter: 0.42, thickness: 0.025, tessellation: 64 }, scene); // before and behind the head
        ring.material = CreatePaint(scene, "brass", new Color3(0.85, 0.6, 0.25), 0.5);
        ring.position.copyFrom(avatar.position);
        scene.onBeforeRenderObservable.add(() => ring.rotation.set(0.5 * Math.sin(performance.now() / 1500), 0, 0.25));

        const graph = new FrameGraph(scene);
        const target = (name: string, format: number) =>
            graph.textureManager.createRenderTargetTexture(name, {
                size: { width: 100, height: 100 },
                sizeIsPercentage: true,
                options: {
                    createMipMaps: false,
                    samples: 4,
                    types: [Constants.TEXTURETYPE_UNSIGNED_BYTE],
                    formats: [format],
                    labels: [name],
                },
            });
        const clear = new FrameGraphClearTextureTask("clear", graph);
        clear.color = scene.clearColor;
        clear.clearDepth = true;
        clear.targetTexture = target("color", Constants.TEXTUREFORMAT_RGBA);
        clear.depthTexture = target("depth", Constants.TEXTUREFORMAT_DEPTH32_FLOAT);

        const opaque = new FrameGraphObjectRendererTask("opaque", graph, scene);
        opaque.objectList = { meshes: scene.meshes.filter((mesh) => mesh !== avatar.splatMesh), particleSystems: [] };
        opaque.isMainObjectRenderer = true;
        [opaque.camera, opaque.targetTexture, opaque.depthTexture] = [
            camera,
            clear.outputTexture,
            clear.outputDepthTexture,
        ];

        const avatars = new FlexAvatarTask("avatars", graph, component.avatars);
        [avatars.camera, avatars.targetTexture, avatars.depthTexture] = [
            camera,
            opaque.outputTexture,
            opaque.outputDepthTexture,
        ];

        const film = new FrameGraphBlackAndWhiteTask("film", graph);
        film.sourceTexture = avatars.outputTexture;
        const copy = new FrameGraphCopyToBackbufferColorTask("copy", graph);
        copy.sourceTexture = film.outputTexture;

        [clear, opaque, avatars, film, copy].forEach((task) => graph.addTask(task));
        scene.frameGraph = graph;
        await graph.buildAsync();
        panel.addSlider("Black and white", [0, 1], 0.5, (value) => (film.postProcess.degree = value));
        film.postProcess.degree = 0.5;
    },
    { withGround: true },
);
