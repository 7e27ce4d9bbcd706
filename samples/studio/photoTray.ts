/**
 * The photos that were chosen, dropped or taken: one to four, and one from behind, each with a thumbnail and a way to
 * take it out again.
 */

const MaxPhotos = 4;

export class PhotoTray {
    private readonly _photos: File[] = [];
    private _back: { readonly file: File; readonly thumbnail: HTMLElement } | null = null;
    private readonly _list = document.getElementById("thumbnails")!;
    private readonly _onChange: () => void;

    /** @param onChange told when photos come or go */
    public constructor(onChange: () => void) {
        this._onChange = onChange;
    }

    /** The photos, in the order they came. */
    public get photos(): readonly File[] {
        return this._photos;
    }

    /**
     * Adds photos.
     * @returns how many found no room
     */
    public add(files: readonly File[]): number {
        const taken = files.slice(0, MaxPhotos - this._photos.length);
        for (const file of taken) {
            this._photos.push(file);
            const remove = () => this._photos.splice(this._photos.indexOf(file), 1);
            this._list.insertBefore(this._createThumbnail(file, remove), this._back?.thumbnail ?? null);
        }
        this._onChange();
        return files.length - taken.length;
    }

    /** The photo from behind. */
    public get back(): File | undefined {
        return this._back?.file;
    }

    /** Takes a photo from behind, in the place of an earlier one. */
    public set back(file: File) {
        this._back?.thumbnail.remove();
        const thumbnail = this._createThumbnail(file, () => (this._back = null));
        thumbnail.append(Object.assign(document.createElement("span"), { textContent: "From behind" }));
        this._list.append(thumbnail);
        this._back = { file, thumbnail };
        this._onChange();
    }

    /** Takes all photos out. */
    public clear(): void {
        this._photos.length = 0;
        this._back = null;
        this._list.replaceChildren();
        this._onChange();
    }

    private _createThumbnail(file: File, remove: () => void): HTMLLIElement {
        const item = document.createElement("li");
        const image = Object.assign(new Image(), { src: URL.createObjectURL(file), alt: file.name });
        image.addEventListener("load", () => URL.revokeObjectURL(image.src));
        // the browser cannot show it: the library will say so
        image.addEventListener("error", () => item.classList.add("bad"));
        const button = Object.assign(document.createElement("button"), { type: "button" });
        button.append(Object.assign(document.createElement("span"), { textContent: "×", ariaHidden: "true" }));
        button.ariaLabel = `Remove ${file.name}`;
        button.addEventListener("click", () => {
            remove();
            const next = item.nextElementSibling ?? item.previousElementSibling;
            item.remove();
            (next?.querySelector("button") ?? document.getElementById("photos"))?.focus();
            this._onChange();
        });
        item.append(image, button);
        return item;
    }
}
