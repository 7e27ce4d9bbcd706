// Avatars in Babylon's own files and tools: scene loader, asset containers, .babylon files, node render graphs, splat
// meshes.
import "@babylonjs/core/Loading/loadingScreen";
import "@babylonjs/core/Loading/Plugins/babylonFileLoader";
import { Animation } from "@babylonjs/core/Animations/animation";
import { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import { Constants } from "@babylonjs/core/Engines/constants";
import { NodeRenderGraphClearBlock } from "@babylonjs/core/FrameGraph/Node/Blocks/Textures/clearBlock";
import { NodeRenderGraphInputBlock } from "@babylonjs/core/FrameGraph/Node/Blocks/inputBlock";
import { NodeRenderGraphOutputBlock } from "@babylonjs/core/FrameGraph/Node/Blocks/outputBlock";
import { NodeRenderGraphObjectRendererBlock } from "@babylonjs/core/FrameGraph/Node/Blocks/Rendering/objectRendererBlock";
import { NodeRenderGraph } from "@babylonjs/core/FrameGraph/Node/nodeRenderGraph";
import { NodeRenderGraphBlockConnectionPointTypes as Types } from "@babylonjs/core/FrameGraph/Node/Types/nodeRenderGraphTypes";
import { AppendSceneAsync, ImportMeshAsync, LoadAssetContainerAsync } from "@babylonjs/core/Loading/sceneLoader";
import { Color3, Color4 } from "@babylonjs/core/Maths/math.color";
import { Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import { SceneSerializer } from "@babylonjs/core/Misc/sceneSerializer";
import {
    ArkitExpressionNames,
    BakeClip,
    NodeRenderGraphFlexAvatarBlock,
    type FlexAvatarContainer,
} from "../../../../src";
import { FlexAvatar } from "../../../../src/plugin/avatar/flexAvatar";
import { FlexAvatarComponent } from "../../../../src/plugin/flexAvatarComponent";
import { ClipSource } from "../../../../src/plugin/live/faceClip";
import { LifeSource } from "../../../../src/plugin/live/lifeSource";
import { LookAtSource } from "../../../../src/plugin/live/lookAtSource";
import { ParseFaceClip } from "../../../../src/plugin/live/readFaceClip";
import { StreamSource } from "../../../../src/plugin/live/streamSource";
import { VoiceSource } from "../../../../src/plugin/live/voice/voiceSource";
import { FakeServicesAsync } from "../../../support/fakeNetworks";
import {
    AddAvatarAsync,
    AddBox,
    CaptureAsync,
    ColorAt,
    CreateStageAsync,
    MakeSynthetic,
    PixelsAsync,
    type IStage,
} from "../../../support/stage";

const Photo = new Blob();

/** Pixels that are not black. */
function Lit(pixels: Uint8ClampedArray): number {
    let count = 0;
    for (let at = 0; at < pixels.length; at += 4) {
        count += pixels[at] + pixels[at + 1] + pixels[at + 2] > 30 ? 1 : 0;
    }
    return count;
}

function Psnr(a: Uint8ClampedArray, b: Uint8ClampedArray): number {
    const sum = a.reduce((total, value, at) => total + (value - b[at]) ** 2, 0);
    return 10 * Math.log10((255 ** 2 * a.length) / sum);
}

async function DifferenceAsync(one: string, other: string): Promise<string> {
    const [a, b] = [await PixelsAsync(one), await PixelsAsync(other)];
    const differences = Array.from(a, (value, at) => Math.abs(value - b[at]));
    return `${differences.filter((value) => value > 0).length} pixels, ${Math.max(...differences)} at most`;
}

describe("scene files", () => {
    let stage: IStage;
    let component: FlexAvatarComponent;

    beforeEach(async () => {
        stage = await CreateStageAsync();
        stage.component.dispose();
        component = FlexAvatarComponent.GetOrCreate(stage.scene, { _services: (await FakeServicesAsync()).services });
    });
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    /** A file of a new avatar, and what it looks like. */
    async function FileAndPictureAsync(): Promise<{ file: File; picture: string }> {
        const avatar = await component.createFromPhotosAsync([Photo], { name: "ada" });
        await avatar.whenReadyAsync();
        const file = new File([await avatar.saveAsync()], "ada.flexavatar");
        avatar.dispose();
        const loaded = await component.loadAsync(file);
        await loaded.whenReadyAsync();
        const picture = await CaptureAsync(stage);
        loaded.dispose();
        return { file, picture };
    }

    it("import an avatar through the scene loader", async () => {
        const { file, picture } = await FileAndPictureAsync();
        const { transformNodes, meshes } = await ImportMeshAsync(file, stage.scene);
        const [avatar] = component.avatars;
        expect(transformNodes[0]).toBe(avatar);
        expect(meshes).toEqual([avatar.proxyMesh]);
        await avatar.whenReadyAsync();
        expect((await CaptureAsync(stage)) === picture)
            .withContext("picture 1")
            .toBeTrue();
    });

    it("keep an avatar in a container out of the scene until it is added, and take it out again", async () => {
        const empty = await CaptureAsync(stage);
        const { file, picture } = await FileAndPictureAsync();
        const nodes = stage.scene.transformNodes.length;
        const container = (await LoadAssetContainerAsync(file, stage.scene)) as FlexAvatarContainer;
        const [avatar] = container.avatars;
        expect(avatar.name).toBe("ada");
        expect([component.avatars.length, stage.scene.transformNodes.length]).toEqual([0, nodes]);
        expect((await CaptureAsync(stage)) === empty)
            .withContext("picture 2")
            .toBeTrue();
        container.addAllToScene();
        expect(component.avatars).toEqual([avatar]);
        await avatar.whenReadyAsync();
        const added = await CaptureAsync(stage);
        // the fake driver's answers grow from run to run
        expect(Psnr(await PixelsAsync(added), await PixelsAsync(picture))).toBeGreaterThan(25);
        container.removeAllFromScene();
        expect(component.avatars).toEqual([]);
        expect((await CaptureAsync(stage)) === empty)
            .withContext("picture 4")
            .toBeTrue();
        container.addAllToScene();
        expect((await CaptureAsync(stage)) === added)
            .withContext("added again")
            .toBeTrue();
        const { rootNodes } = container.instantiateModelsToScene();
        const instance = rootNodes.find((node) => node instanceof FlexAvatar)!;
        instance.position.x = 0.2;
        expect(component.avatars.length).toBe(2);
        container.dispose();
        expect(avatar.isDisposed()).toBeTrue();
        expect(component.avatars).toEqual([instance]);
    });

    it("save and load a scene with two avatars of one person, their faces, joints and clips", async () => {
        const avatar = await component.createFromPhotosAsync([Photo], { name: "ada" });
        const twin = avatar.createInstance("twin");
        avatar.position.set(-0.05, 0.01, 0);
        avatar.expression.getTrack("jawOpen").influence = 0.25;
        avatar.neck.rotation.y = 0.3;
        twin.position.x = 0.08;
        twin.scaling.setAll(0.8);
        twin.visibility = 0.5;
        twin.levelOfDetail = 1;
        twin.cullBackFaces = false;
        twin.cullHidden = false;
        const clip = new AnimationGroup("blink", stage.scene);
        const blink = new Animation("blink", "influence", 30, Animation.ANIMATIONTYPE_FLOAT);
        blink.setKeys([
            { frame: 0, value: 0.2 },
            { frame: 30, value: 0.7 },
        ]);
        clip.addTargetedAnimation(blink, { name: "eyeBlinkLeft", influence: 0 });
        const turn = new Animation("turn", "rotationQuaternion", 30, Animation.ANIMATIONTYPE_QUATERNION);
        turn.setKeys([
            { frame: 0, value: Quaternion.Identity() },
            { frame: 30, value: Quaternion.RotationAxis(Vector3.Right(), 0.5) },
        ]);
        clip.addTargetedAnimation(turn, new TransformNode("mixamorig:Head", stage.scene));
        const bound = twin.bindAnimationGroup(clip);
        clip.dispose();
        bound.speedRatio = 0.5;
        bound.clone("blink again"); // clones and clips of one's own are kept as well
        const text = JSON.stringify(SceneSerializer.Serialize(stage.scene));
        const json = JSON.parse(text) as { flexAvatars: { people: string[] }; animationGroups: unknown[] };
        expect(json.flexAvatars.people.length).toBe(1);
        expect(json.animationGroups).toEqual([]); // the component writes the clip
        bound.dispose();
        avatar.dispose();
        twin.dispose();

        await AppendSceneAsync(new File([text], "two.babylon"), stage.scene);
        await stage.scene.whenReadyAsync();
        const [first, second] = component.avatars;
        expect([first.name, second.name]).toEqual(["ada", "twin"]);
        expect(first.position.asArray()).toEqual([-0.05, 0.01, 0]);
        expect(first.expression.getTrack("jawOpen").influence).toBeCloseTo(0.25, 6);
        expect(first.neck.rotationQuaternion!.toEulerAngles().y).toBeCloseTo(0.3, 5);
        expect([second.scaling.x, second.visibility]).toEqual([0.8, 0.5]);
        expect([first.levelOfDetail, second.levelOfDetail]).toEqual(["auto", 1]);
        expect([first.cullBackFaces, second.cullBackFaces]).toEqual(["auto", false]);
        expect([first.cullHidden, second.cullHidden]).toEqual(["auto", false]);
        expect(second.clips.map(({ name }) => name)).toEqual(["blink twin", "blink again"]);
        const [again] = second.clips;
        expect(again.speedRatio).toBe(0.5);
        const baked = BakeClip(second, again, { framesPerSecond: 10 });
        const read = ParseFaceClip(JSON.stringify(baked.toJson()));
        expect([read.frameCount, read.durationS]).toEqual([baked.frameCount, baked.durationS]);
        const blinkTrack = ArkitExpressionNames.indexOf("eyeBlinkLeft");
        expect([...read.data.says].filter((says) => says > 0).length).toBe(1);
        expect(read.data.weights[52 * (read.frameCount - 1) + blinkTrack]).toBeCloseTo(0.7, 4);
        expect(read.data.turns.at(-16)!).toBeCloseTo(Math.sin(0.25), 3); // the neck's x of the last frame
        expect(second.expression.getTrack("eyeBlinkLeft").influence).withContext("as before").toBe(0);
        expect(again.name).toContain("blink");
        again.start();
        again.goToFrame(30);
        expect(second.expression.getTrack("eyeBlinkLeft").influence).toBeCloseTo(0.7, 5);
        expect(second.clipJoints.neck.rotationQuaternion!.toEulerAngles().x).toBeCloseTo(0.5, 3);
        expect(second.neck.rotationQuaternion!.toEulerAngles().x).withContext("the user's").toBeCloseTo(0, 5);
    });

    it("keep sources with their settings and places, and what hangs on heads", async () => {
        const avatar = await component.createFromPhotosAsync([Photo], { name: "ada", refine: false });
        const target = new TransformNode("target", stage.scene);
        target.position.set(1, 2, 3);
        const clip = ParseFaceClip("timeCode,jawOpen,mouthClose\n0.0,0.5,0.1\n0.5,0.25,0", { name: "words" });
        avatar.addSource(new LifeSource({ seed: 7, blink: false, mood: "happy" }), { weight: 0.6 });
        avatar.addSource(new LookAtSource(target, { head: 0.4 }), { priority: 3, mask: { eyes: 1, head: 0.5 } });
        avatar.addSource(new LookAtSource(() => true), { priority: 2 });
        avatar.addSource(new StreamSource({ name: "phone", delayS: 0.1 }), { mask: ["mouth"], fadeS: 1 });
        avatar.addSource(new ClipSource(clip, { loop: true }), { priority: -1 });
        avatar.addSource(new VoiceSource(null, { name: "speech", strength: 0.8 }), { priority: 1 });
        const hat = AddBox(stage.scene, "hat", new Color3(1, 0, 0), 0.05, new Vector3(0, 0.1, 0));
        hat.parent = avatar.attachToSurface("noseTip", { name: "nose", axes: "surface" });
        const ring = AddBox(stage.scene, "ring", new Color3(1, 0, 0), 0.02, Vector3.Zero());
        ring.parent = avatar.neck;
        const text = JSON.stringify(SceneSerializer.Serialize(stage.scene));
        const handles = avatar.sources.map(({ settings }) => settings);
        const saved = avatar.sources.map(({ source }) => source.save!());
        [avatar, hat, ring, target].forEach((node) => node.dispose());

        const codes: string[] = [];
        component.onNoticeObservable.add(({ code }) => codes.push(code));
        await AppendSceneAsync(new File([text], "sources.babylon"), stage.scene);
        await stage.scene.whenReadyAsync();
        const [again] = component.avatars;
        const { sources } = again;
        expect(sources.map(({ settings }) => settings)).toEqual(handles);
        expect(sources.map(({ source }) => source.save!())).toEqual(saved);
        expect(sources.map(({ source }) => source.constructor.name)).toEqual([
            ...["ClipSource", "StreamSource", "SavedSource", "SavedSource", "LookAtSource", "LifeSource"],
        ]);
        const look = sources.map(({ source }) => source).find((source) => source instanceof LookAtSource)!;
        expect((look.target as TransformNode).name).toBe("target");
        expect(codes.filter((code) => code === "source-saved").length).toBe(2); // a function, and a voice
        const box = stage.scene.getMeshByName("hat")!;
        expect(box.parent!.name).toBe("nose");
        expect(box.position.y).toBeCloseTo(0.1, 6);
        expect(stage.scene.getMeshByName("ring")!.parent).toBe(again.neck);
    });

    it("report a person that a scene file has broken, and load the rest", async () => {
        await component.createFromPhotosAsync([Photo], { name: "ada" });
        const json = SceneSerializer.Serialize(stage.scene) as { flexAvatars: { people: string[] } };
        component.avatars[0].dispose();
        json.flexAvatars.people[0] = btoa("no avatar");
        const codes: string[] = [];
        component.onNoticeObservable.add(({ code }) => codes.push(code));
        await AppendSceneAsync(new File([JSON.stringify(json)], "broken.babylon"), stage.scene);
        await stage.scene.whenReadyAsync();
        expect(component.avatars).toEqual([]);
        expect(codes).toContain("file-format");
    });
});

describe("NodeRenderGraphFlexAvatarBlock", () => {
    it("draws avatars between boxes, also from a serialised graph", async () => {
        const stage = await CreateStageAsync();
        const synthetic = MakeSynthetic();
        const texels = synthetic.table.mapSize ** 2;
        synthetic.staticMap.fill(8, 3 * texels, 4 * texels);
        synthetic.staticMap.fill(1, 4 * texels, 7 * texels);
        synthetic.staticMap.fill(Math.log(0.006), 7 * texels, 10 * texels);
        await AddAvatarAsync(stage, synthetic);
        const boxes = [
            AddBox(stage.scene, "near", new Color3(0, 0, 1), 0.03, new Vector3(0, 0, 0.2)),
            AddBox(stage.scene, "far", new Color3(0, 1, 0), 0.5, new Vector3(0, 0, -0.6)),
        ];
        const classic = await CaptureAsync(stage);
        const graph = new NodeRenderGraph("graph", stage.scene, {
            rebuildGraphOnEngineResize: false,
            autoFillExternalInputs: false,
        });
        const { frameGraph } = graph;
        const input = (name: string, type: Types): NodeRenderGraphInputBlock =>
            new NodeRenderGraphInputBlock(name, frameGraph, stage.scene, type);
        const color = input("color", Types.Texture);
        color.creationOptions.options.formats = [Constants.TEXTUREFORMAT_RGBA];
        color.creationOptions.options.useSRGBBuffers = [false];
        const depth = input("depth", Types.TextureDepthStencilAttachment);
        depth.creationOptions.options.formats = [Constants.TEXTUREFORMAT_DEPTH32_FLOAT];
        const camera = input("camera", Types.Camera);
        camera.value = stage.camera;
        const objects = input("objects", Types.ObjectList);
        objects.value = { meshes: boxes, particleSystems: [] };
        const clear = new NodeRenderGraphClearBlock("clear", frameGraph, stage.scene);
        clear.color = new Color4(0, 0, 0, 1);
        clear.clearDepth = true;
        const opaque = new NodeRenderGraphObjectRendererBlock("opaque", frameGraph, stage.scene);
        opaque.isMainObjectRenderer = true;
        const avatars = new NodeRenderGraphFlexAvatarBlock("avatars", frameGraph, stage.scene);
        const output = new NodeRenderGraphOutputBlock("output", frameGraph, stage.scene);
        color.output.connectTo(clear.target);
        depth.output.connectTo(clear.depth);
        clear.output.connectTo(opaque.target);
        clear.outputDepth.connectTo(opaque.depth);
        camera.output.connectTo(opaque.camera);
        objects.output.connectTo(opaque.objects);
        opaque.output.connectTo(avatars.target);
        opaque.outputDepth.connectTo(avatars.depth);
        camera.output.connectTo(avatars.camera);
        avatars.output.connectTo(output.texture);
        graph.outputBlock = output;
        stage.scene.cameraToUseForPointers = stage.camera;

        const show = async (shown: NodeRenderGraph): Promise<string> => {
            stage.scene.frameGraph = shown.frameGraph;
            await shown.buildAsync();
            return CaptureAsync(stage);
        };
        const first = await show(graph);
        const pixels = await PixelsAsync(first);
        const middle = pixels.length / 4 > 0 ? Math.sqrt(pixels.length / 4) / 2 : 0;
        expect(ColorAt(pixels, middle, middle)).toEqual([0, 0, 255]); // the near box
        expect(ColorAt(pixels, middle, middle - 20)[0]).toBeGreaterThan(200); // the white head before the far box
        expect(await DifferenceAsync(first, classic)).toBe("0 pixels, 0 at most");

        const parsed = NodeRenderGraph.Parse(
            graph.serialize(),
            stage.scene,
            { rebuildGraphOnEngineResize: false, autoFillExternalInputs: false },
            true,
        );
        for (const block of parsed.getInputBlocks()) {
            if (block.name === "camera") {
                block.value = stage.camera;
            } else if (block.name === "objects") {
                block.value = { meshes: boxes, particleSystems: [] };
            }
        }
        expect(parsed.getBlockByName("avatars")).toBeInstanceOf(NodeRenderGraphFlexAvatarBlock);
        expect(await DifferenceAsync(await show(parsed), classic)).toBe("0 pixels, 0 at most");
        expect(
            NodeRenderGraph.CustomBlockDescriptions.some(({ name }) => name === "NodeRenderGraphFlexAvatarBlock"),
        ).toBeTrue();
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });
});

describe("toGaussianSplattingMeshAsync", () => {
    it("gives a mesh at the avatar's place whose splats lie where the avatar's do", async () => {
        const stage = await CreateStageAsync();
        const avatar = await AddAvatarAsync(stage, MakeSynthetic());
        avatar.position.set(0.02, -0.01, 0.03);
        avatar.rotation.y = 0.4;
        avatar.neck.rotation.y = 0.2;
        const mesh = await avatar.toGaussianSplattingMeshAsync("frozen");
        avatar.computeWorldMatrix(true);
        mesh.computeWorldMatrix(true);
        expect(mesh.name).toBe("frozen");
        expect(mesh.splatCount).toBeGreaterThan(100);
        mesh.setEnabled(false);
        const ours = await PixelsAsync(await CaptureAsync(stage));
        avatar.setEnabled(false);
        mesh.setEnabled(true);
        let theirs = ours;
        for (
            let tries = 0;
            tries < 20 && Lit(theirs) !== Lit(ours) && (tries === 0 || Lit(theirs) < 0.5 * Lit(ours));
            tries++
        ) {
            await new Promise((resolve) => setTimeout(resolve, 100)); // Babylon sorts in a worker
            theirs = await PixelsAsync(await CaptureAsync(stage));
        }
        theirs = await PixelsAsync(await CaptureAsync(stage));
        expect(Lit(ours)).toBeGreaterThan(500);
        expect(Lit(theirs) / Lit(ours)).toBeGreaterThan(0.8);
        expect(Lit(theirs) / Lit(ours)).toBeLessThan(1.25);
        expect(Psnr(ours, theirs)).toBeGreaterThan(20); // Babylon's falloff and cut are others
        avatar.dispose();
        expect(mesh.isDisposed()).toBeFalse();
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });
});
