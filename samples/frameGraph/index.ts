/** Frame graph: FlexAvatarTask draws avatars after the opaque objects, into their color and depth. */
import { Constants } from "@babylonjs/core/Engines/constants";
import "@babylonjs/core/Engines/WebGPU/Extensions/engine.multiRender"; // what a task that clears asks of the engine
import { FrameGraph } from "@babylonjs/core/FrameGraph/frameGraph";
import { FrameGraphBlackAndWhiteTask } from "@babylonjs/core/FrameGraph/Tasks/PostProcesses/blackAndWhiteTask";
import { FrameGraphObjectRendererTask } from "@babylonjs/core/FrameGraph/Tasks/Rendering/objectRendererTask";
import { FrameGraphClearTextureTask } from "@babylonjs/core/FrameGraph/Tasks/Texture/clearTextureTask";
import * as Copy from "@babylonjs/core/FrameGraph/Tasks/Texture/copyToBackbufferColorTask";
import { Color3 } from "@babylonjs/core/Maths/math.color";
import { CreateTorus } from "@babylonjs/core/Meshes/Builders/torusBuilder";
import { FlexAvatarComponent, FlexAvatarTask } from "babylon-flexavatar";
import { AddPersonAsync, CreatePaint, FlexAvatarUrl, ShowAsync } from "../shared/stage";

const { TEXTURETYPE_UNSIGNED_BYTE: bytes, TEXTUREFORMAT_RGBA: rgba, TEXTUREFORMAT_DEPTH32_FLOAT: depth32 } = Constants;

await ShowAsync(
    async ({ scene, camera, panel }) => {
        const component = FlexAvatarComponent.GetOrCreate(scene, { assetsUrl: FlexAvatarUrl });
        const avatar = await AddPersonAsync(component, panel);
        const ring = CreateTorus("ring", { diameter: 0.44, thickness: 0.03, tessellation: 64 }, scene);
        ring.material = CreatePaint(scene, "brass", new Color3(0.85, 0.6, 0.25), 0.5);
        ring.position.y = avatar.position.y - 0.13; // before the neck and behind it
        scene.onBeforeRenderObservable.add(() => ring.rotation.set(0.3 * Math.sin(performance.now() / 1500), 0, 0.2));

        const graph = new FrameGraph(scene);
        const size = { width: 100, height: 100 };
        const target = (name: string, format: number) => {
            const options = { createMipMaps: false, samples: 4, types: [bytes], formats: [format], labels: [name] };
            return graph.textureManager.createRenderTargetTexture(name, { size, sizeIsPercentage: true, options });
        };
        const clear = new FrameGraphClearTextureTask("clear", graph);
        [clear.targetTexture, clear.depthTexture] = [target("color", rgba), target("depth", depth32)];
        [clear.color, clear.clearDepth] = [scene.clearColor, true];

        const opaque = new FrameGraphObjectRendererTask("opaque", graph, scene);
        [opaque.targetTexture, opaque.depthTexture] = [clear.outputTexture, clear.outputDepthTexture];
        opaque.objectList = { meshes: [ring, scene.getMeshByName("ground")!], particleSystems: [] };
        [opaque.camera, opaque.isMainObjectRenderer] = [camera, true];

        const avatars = new FlexAvatarTask("avatars", graph, component.avatars); // follows who comes and goes
        [avatars.targetTexture, avatars.depthTexture] = [opaque.outputTexture, opaque.outputDepthTexture];
        avatars.camera = camera;

        const film = new FrameGraphBlackAndWhiteTask("film", graph);
        film.sourceTexture = avatars.outputTexture;
        const copy = new Copy.FrameGraphCopyToBackbufferColorTask("copy", graph);
        copy.sourceTexture = film.outputTexture;

        [clear, opaque, avatars, film, copy].forEach((task) => graph.addTask(task));
        scene.frameGraph = graph;
        scene.cameraToUseForPointers = camera;
        await graph.buildAsync();
        film.postProcess.degree = 0.4;
        panel.addSlider("Black and white", [0, 1], 0.4, (value) => (film.postProcess.degree = value));
    },
    { withGround: true },
);
