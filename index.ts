import * as pulumi from "@pulumi/pulumi";
import { Cluster } from "./components/cluster";
import { parseCluster } from "./components/spec";
import { loadDeclaration } from "./stacks";

const declaration = loadDeclaration(pulumi.getStack());
const cluster = new Cluster(parseCluster(declaration));

export const readWrite = cluster.readWrite;
export const readOnly = cluster.readOnly;
export const members = cluster.members;
export const caCertificate = cluster.caCertificate;
export const adminPassword = cluster.adminPassword;
export const access = cluster.access;
export const readme = cluster.readme;
