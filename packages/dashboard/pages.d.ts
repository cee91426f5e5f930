/** The folder with the built pages: index.html (`/`), join.html (`/join`) and assets/, whose names carry a hash of their content. */
export declare const pagesDirectory: string;
