import { NullEngine } from "@babylonjs/core/Engines/nullEngine";
import { ImportMeshAsync, LoadAssetContainerAsync } from "@babylonjs/core/Loading/sceneLoader";
import { Scene } from "@babylonjs/core/scene";
import { RegisterFlexAvatarLoader } from "../../../../src/plugin/files/flexAvatarLoader";
import { FlexAvatarComponent } from "../../../../src/plugin/flexAvatarComponent";
import { FakeServicesAsync } from "../../../support/fakeNetworks";

describe("the loader of .flexavatar files", () => {
    let engine: NullEngine;
    let scene: Scene;

    beforeEach(() => {
        RegisterFlexAvatarLoader();
        engine = new NullEngine();
        scene = new Scene(engine);
    });
    afterEach(() => engine.dispose());

    it("takes bytes", async () => {
        const { services } = await FakeServicesAsync();
        const component = FlexAvatarComponent.GetOrCreate(scene, { _services: services });
        const avatar = await component.createFromPhotosAsync([new Blob(["a photo"])], { name: "ada", refine: false });
        const bytes = new Uint8Array(await avatar.saveAsync());
        const container = await LoadAssetContainerAsync(bytes, scene, { pluginExtension: ".flexavatar" });
        expect(container.transformNodes[0].name).toBe("ada");
    });

    it("fails where the scene is disposed while a file is fetched", async () => {
        const loading = ImportMeshAsync("/repo/tests/nothing.flexavatar", scene);
        scene.dispose();
        await expectAsync(loading).toBeRejectedWithError(/scene was disposed/i);
    });

    it("says which file is not there, and leaves nothing that waits for the scene", async () => {
        const before = scene.onDisposeObservable.observers.length;
        await expectAsync(ImportMeshAsync("/repo/tests/nothing.flexavatar", scene)).toBeRejectedWithError(/nothing/);
        expect(scene.onDisposeObservable.observers.filter((one) => !one._willBeUnregistered).length).toBe(before);
    });
});
