// A hundred avatars come and go: what is left of them in the scene, on the GPU and among the page's listeners. Networks
// are fakes; the rest is real.
import "@babylonjs/core/Culling/ray";
import "@babylonjs/core/Lights/Shadows/shadowGeneratorSceneComponent";
import { DirectionalLight } from "@babylonjs/core/Lights/directionalLight";
import { ShadowGenerator } from "@babylonjs/core/Lights/Shadows/shadowGenerator";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { CreateBox } from "@babylonjs/core/Meshes/Builders/boxBuilder";
import { Observable } from "@babylonjs/core/Misc/observable";
import { FlexAvatarComponent } from "../../../src/plugin/flexAvatarComponent";
import { FakeServicesAsync } from "../../support/fakeNetworks";
import { CanvasPx, CreateStageAsync, RenderFrame, type IStage } from "../../support/stage";
import { WatchDevice } from "../../support/watchDevice";

/** Babylon keeps uniform buffers for reuse, a few more the longer frames have been in flight. */
const PoolGrowth = 8;

/** Counts listeners on anything in the page; those that go by themselves (once, signal) are not counted. */
function WatchListeners(): { count(): number; stop(): void } {
    const { addEventListener, removeEventListener } = EventTarget.prototype;
    const live = new WeakMap<object, Set<string>>();
    const names = new WeakMap<object, number>();
    let [count, made] = [0, 0];
    const keyOf = (type: string, listener: object): string => {
        names.set(listener, names.get(listener) ?? made++);
        return `${type} ${names.get(listener)}`;
    };
    EventTarget.prototype.addEventListener = function (...parameters: Parameters<typeof addEventListener>) {
        const [type, listener, options] = parameters;
        const { signal, once } = typeof options === "object" ? options : {};
        const keys = live.get(this) ?? new Set();
        live.set(this, keys);
        if (listener && !signal && !once && !keys.has(keyOf(type, listener))) {
            keys.add(keyOf(type, listener));
            count++;
        }
        return addEventListener.apply(this, parameters);
    };
    EventTarget.prototype.removeEventListener = function (...parameters: Parameters<typeof removeEventListener>) {
        const [type, listener] = parameters;
        if (listener && live.get(this)?.delete(keyOf(type, listener))) {
            count--;
        }
        return removeEventListener.apply(this, parameters);
    };
    return {
        count: () => count,
        stop: () => Object.assign(EventTarget.prototype, { addEventListener, removeEventListener }),
    };
}

/** Observers of all observables of an object. */
function CountObservers(owner: object): number {
    return Object.values(owner).reduce<number>(
        (sum, value) => sum + (value instanceof Observable ? value.observers.length : 0),
        0,
    );
}

function CountScene({ scene, engine }: IStage): Record<string, number> {
    const { meshes, materials, textures, geometries, transformNodes, skeletons, animationGroups, rootNodes } = scene;
    const lists = { meshes, materials, textures, geometries, transformNodes, skeletons, animationGroups, rootNodes };
    return {
        ...Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, list.length])),
        sceneObservers: CountObservers(scene),
        engineObservers: CountObservers(engine),
    };
}

describe("a hundred avatars", () => {
    it("leave no buffer, texture, mesh, material, observer or listener behind", async () => {
        const stage = await CreateStageAsync();
        stage.component.dispose();
        const { services, log } = await FakeServicesAsync();
        const component = (stage.component = FlexAvatarComponent.GetOrCreate(stage.scene, { _services: services }));
        const live = WatchDevice(stage.engine._device as GPUDevice);
        const listeners = WatchListeners();
        try {
            const light = new DirectionalLight("sun", new Vector3(0, -1, -1), stage.scene);
            const shadows = new ShadowGenerator(64, light);
            const first = await component.createFromPhotosAsync([new Blob(["a photo"])], { name: "ada" });
            const file = await first.saveAsync();
            first.dispose();
            const cycleAsync = async (cycle: number): Promise<void> => {
                const avatar = await component.loadAsync(file);
                const hat = CreateBox("hat", { size: 0.1 }, stage.scene);
                hat.parent = avatar.attachToSurface("crown");
                shadows.addShadowCaster(avatar.proxyMesh);
                avatar.expression.getTrack("jawOpen").influence = 0.5;
                RenderFrame(stage);
                expect(stage.scene.pick(CanvasPx / 2, CanvasPx / 2).pickedMesh).toBe(avatar.proxyMesh);
                if (cycle % 2 === 0) {
                    shadows.removeShadowCaster(avatar.proxyMesh);
                }
                avatar.dispose();
                RenderFrame(stage);
            };
            const countAsync = async (): Promise<Record<string, number>> => {
                for (let frame = 0; frame < 3; frame++) {
                    RenderFrame(stage);
                    await new Promise((resolve) => setTimeout(resolve, 10));
                }
                const casters = shadows.getShadowMap()!.renderList!.length;
                return {
                    ...CountScene(stage),
                    ...live(),
                    casters,
                    listeners: listeners.count(),
                    drivers: log.drivers.filter(({ disposed }) => !disposed).length,
                };
            };
            for (let cycle = 0; cycle < 4; cycle++) {
                await cycleAsync(cycle);
            }
            const before = await countAsync();
            for (let cycle = 0; cycle < 100; cycle++) {
                await cycleAsync(cycle);
            }
            const after = await countAsync();
            const { otherBuffers, ...rest } = after;
            expect<Record<string, number>>({ ...rest, otherBuffers: before.otherBuffers }).toEqual(before);
            expect(otherBuffers - before.otherBuffers).toBeLessThan(PoolGrowth);
            expect(before.ourBuffers).toBeGreaterThan(0); // what avatars share is counted
            expect(after.drivers).toBe(0);
            expect(before.meshes).toBe(0);
        } finally {
            listeners.stop();
        }
        expect(stage.errors).toEqual([]);
        stage.dispose();
    }, 400_000);
});
